// SPDX-License-Identifier: Apache-2.0
// A server listens for agents and for `vigil ctl` until it is stopped.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "server/options.h"
#include "server/server_state.h"
#include "wire/tls.h"

namespace vigil::server {

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
    const std::optional<std::string>& control_path() const { return control_path_; }

    ServerState& state() { return *state_; }

 private:
    using Tcp = boost::asio::ip::tcp;
    using Local = boost::asio::local::stream_protocol;

    explicit Server(std::unique_ptr<ServerState> state);

    Result<void> listen(const Options& options);
    Result<void> listen_for_control(const std::string& path);
    wire::Awaitable<void> accept_agents();
    wire::Awaitable<void> accept_control();
    wire::Awaitable<void> tick();
    void reload_now();

    std::unique_ptr<ServerState> state_;
    std::optional<wire::TlsContext> tls_;
    Tcp::acceptor acceptor_;
    Local::acceptor control_;
    std::optional<std::string> control_path_;
    boost::asio::steady_timer ticks_;
};

}  // namespace vigil::server
