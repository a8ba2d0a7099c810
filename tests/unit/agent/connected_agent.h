// SPDX-License-Identifier: Apache-2.0
// An agent's spool and client, connected as in the agent.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/server_client.h"
#include "agent/spool_lines.h"
#include "support/processes.h"

namespace vigil::agent {

inline std::unique_ptr<Inbox> open_inbox() {
    auto inbox = Inbox::open();
    EXPECT_TRUE(inbox);
    return std::move(*inbox);
}

class ConnectedAgent {
 public:
    struct Options {
        std::string name = "web-1";
        std::string host = "web-1";
        std::string server = "127.0.0.1";
        std::optional<std::string> tls;
    };

    ConnectedAgent(const std::string& directory, uint16_t port)
        : ConnectedAgent(directory, port, Options()) {}
    ConnectedAgent(const std::string& directory, uint16_t port, const Options& options)
        : inbox_(open_inbox()), spool_(open_spool(directory)) {
        ServerClientOptions client;
        client.servers.push_back({options.server, port});
        client.tls = options.tls;
        client.hello.agent = options.name;
        client.hello.host = options.host;
        auto opened = ServerClient::open(client, *spool_, *inbox_);
        EXPECT_TRUE(opened) << (opened ? "" : opened.error().context);
        client_ = std::move(*opened);
    }
    ConnectedAgent(const ConnectedAgent&) = delete;
    ConnectedAgent& operator=(const ConnectedAgent&) = delete;

    Spool& spool() { return *spool_; }
    ServerClient& client() { return *client_; }

    void add(uint64_t first, uint64_t last) { add_lines(*spool_, first, last); }
    void add_line(const std::string& line) {
        EXPECT_TRUE(spool_->add(line, 0));
        spool_->wait_durable(long_ns);
    }
    bool all_is_acknowledged() {
        return test::becomes_true([&] { return spool_->queued() == 0; });
    }
    bool is_connected() {
        return test::becomes_true([&] { return client_->state().connected; });
    }
    // The newest configuration since the last call.
    std::optional<wire::Config> new_config() { return newest<wire::Config>(); }
    // The next configuration; empty if none comes.
    wire::Config config() {
        std::optional<wire::Config> config;
        (void)test::becomes_true([&] {
            config = new_config();
            return config.has_value();
        });
        return config.value_or(wire::Config());
    }
    // Lines refused by the server since the last call.
    std::optional<SpoolLoss> refused() {
        const auto lines = newest<RefusedLines>();
        return lines ? std::optional(lines->loss) : std::nullopt;
    }
    // The connection error, once it contains `part`.
    std::string error_with(const std::string& part) {
        (void)test::becomes_true(
            [&] { return client_->state().error.find(part) != std::string::npos; });
        return client_->state().error;
    }

 private:
    // Searches the inbox; other messages stay for later calls.
    template <class Message>
    std::optional<Message> newest() {
        for (AgentMessage& message : inbox_->pop_all()) {
            messages_.push_back(std::move(message));
        }
        std::optional<Message> found;
        std::erase_if(messages_, [&](AgentMessage& message) {
            auto* one = std::get_if<Message>(&message);
            if (one != nullptr) {
                found = std::move(*one);
            }
            return one != nullptr;
        });
        return found;
    }

    std::vector<AgentMessage> messages_;
    std::unique_ptr<Inbox> inbox_;
    std::unique_ptr<Spool> spool_;
    std::unique_ptr<ServerClient> client_;
};

}  // namespace vigil::agent
