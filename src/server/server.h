// SPDX-License-Identifier: Apache-2.0
// A server listens for agents and for `vigil ctl` until it is stopped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "server/options.h"
#include "server/stats.h"

namespace vigil::server {

class ServerState;

// No header of Asio is needed to hold one: they take seconds to compile.
class Server {
 public:
    // Reads the configuration, opens the log and listens; agents can connect from then on. Fails
    // with code usage if the options are invalid, which includes an address that is not loopback
    // without TLS.
    static Result<std::unique_ptr<Server>> open(const Options& options, LogCallback notice);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Serves until stop(). All callbacks come on the thread that calls it.
    void run();

    // From any thread.
    void stop();
    // Reads the configuration again, hands it out, and reports the result by the log callback. From
    // any thread.
    void reload();

    // "127.0.0.1:7411".
    std::string endpoint() const;
    uint16_t port() const;
    // Path of the socket for `vigil ctl`; empty if there is none.
    const std::optional<std::string>& control_path() const;
    // To be read on the thread of run(), or after it has returned.
    const Stats& stats() const;

    ServerState& state();

 private:
    class Listener;
    explicit Server(std::unique_ptr<Listener> listener);

    std::unique_ptr<Listener> listener_;
};

}  // namespace vigil::server
