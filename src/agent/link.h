// SPDX-License-Identifier: Apache-2.0
// An agent's connection to its server, on a thread of its own: takes the configuration, sends what
// the spool holds, comes back after every failure.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/spool.h"
#include "base/result.h"
#include "wire/address.h"
#include "wire/protocol.h"

namespace vigil::agent {

struct LinkOptions {
    std::vector<wire::Address> servers;  // tried in turn
    std::optional<std::string> tls;      // path of a file by `vigil certs issue`
    wire::Hello hello;                   // journal, sequence and configuration are filled in later
};

struct LinkState {
    bool connected = false;
    std::string server;  // that it is connected to, or tried last
    std::string error;   // why it is not connected
};

class Link {
 public:
    // Begins to connect. `changed` is called on the link's thread when state() or take_config()
    // has something new. The spool must outlive it. Fails with code usage where the TLS file is
    // at fault, or where without TLS a server has an address that is not this machine's own. A
    // name is judged once it is resolved: no connection is made then.
    static Result<std::unique_ptr<Link>> open(const LinkOptions& options, Spool& spool,
                                              std::function<void()> changed);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    // The rest may be called from any thread.

    // The spool holds more durable lines.
    void more();

    // How the agent is. Told to the server at once where the configuration in it is new, and every
    // ten seconds.
    void set_status(const wire::Status& status);

    // The newest configuration that has come since the last call.
    std::optional<wire::Config> take_config();

    // Events that the server has refused since the last call, if any: they are not sent again.
    std::optional<SpoolLoss> take_refused();

    LinkState state() const;

 private:
    class Worker;
    explicit Link(std::unique_ptr<Worker> worker);

    std::unique_ptr<Worker> worker_;
};

}  // namespace vigil::agent
