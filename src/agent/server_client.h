// SPDX-License-Identifier: Apache-2.0
// An agent's connection to its server, on its own thread: receives the configuration, sends the
// spool's lines, reconnects after every failure.
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
    std::vector<Address> servers;    // tried in order
    std::optional<std::string> tls;  // path of a file from `vigil certs issue`
    wire::Hello hello;               // journal, sequence and configuration are filled in later
};

class ServerClient {
 public:
    // Starts to connect. Configurations, changes of the state and refused lines go to the inbox;
    // new durable lines of the spool wake the connection. Inbox and spool must outlive the client.
    // Fails with code usage if the TLS file is invalid, or if without TLS a server's address is not
    // loopback. A name can only be checked once it is resolved; if it fails the check, no
    // connection is made.
    static Result<std::unique_ptr<ServerClient>> open(const ServerClientOptions& options,
                                                      Spool& spool, Inbox& inbox);
    ~ServerClient();
    ServerClient(const ServerClient&) = delete;
    ServerClient& operator=(const ServerClient&) = delete;

    // The following may be called from any thread.

    // Sets the agent's status. It is sent to the server at once if its configuration is new, and
    // every ten seconds.
    void set_status(const wire::AgentStatus& status);

    ServerClientState state() const;

 private:
    class Worker;
    explicit ServerClient(std::unique_ptr<Worker> worker);

    std::unique_ptr<Worker> worker_;
};

}  // namespace vigil::agent
