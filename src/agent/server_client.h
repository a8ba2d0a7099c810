// SPDX-License-Identifier: Apache-2.0
// An agent's connection to its server, on a thread of its own: takes the configuration, sends what
// the spool holds, comes back after every failure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/inbox.h"
#include "agent/spool.h"
#include "base/address.h"
#include "base/result.h"
#include "wire/protocol.h"

namespace vigil::agent {

struct ServerClientOptions {
    std::vector<Address> servers;    // tried in turn
    std::optional<std::string> tls;  // path of a file by `vigil certs issue`
    wire::Hello hello;               // journal, sequence and configuration are filled in later
};

class ServerClient {
 public:
    // Begins to connect. Configurations, changes of the state and refused lines go to the inbox;
    // new durable lines of the spool wake the connection. Inbox and spool must outlive it. Fails
    // with code usage where the TLS file is at fault, or where without TLS a server has an address
    // that is not this machine's own. A name is checked once it is resolved: no connection is made
    // then.
    static Result<std::unique_ptr<ServerClient>> open(const ServerClientOptions& options,
                                                      Spool& spool, Inbox& inbox);
    ~ServerClient();
    ServerClient(const ServerClient&) = delete;
    ServerClient& operator=(const ServerClient&) = delete;

    // The rest may be called from any thread.

    // How the agent is. Told to the server at once where the configuration in it is new, and every
    // ten seconds.
    void set_status(const wire::AgentStatus& status);

    ServerClientState state() const;

 private:
    class Worker;
    explicit ServerClient(std::unique_ptr<Worker> worker);

    std::unique_ptr<Worker> worker_;
};

}  // namespace vigil::agent
