// SPDX-License-Identifier: Apache-2.0
// An agent's spool and link, as the agent puts them together.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/link.h"
#include "agent/spooled.h"
#include "support/processes.h"

namespace vigil::agent {

inline std::unique_ptr<Inbox> open_inbox() {
    auto inbox = Inbox::open();
    EXPECT_TRUE(inbox);
    return std::move(*inbox);
}

class Linked {
 public:
    struct Options {
        std::string name = "web-1";
        std::string host = "web-1";
        std::string server = "127.0.0.1";
        std::optional<std::string> tls;
    };

    Linked(const std::string& folder, uint16_t port) : Linked(folder, port, Options()) {}
    Linked(const std::string& folder, uint16_t port, const Options& options)
        : inbox_(open_inbox()), spool_(open_spool(folder)) {
        LinkOptions link;
        link.servers.push_back({options.server, port});
        link.tls = options.tls;
        link.hello.agent = options.name;
        link.hello.host = options.host;
        auto opened = Link::open(link, *spool_, *inbox_);
        EXPECT_TRUE(opened) << (opened ? "" : opened.error().context);
        link_ = std::move(*opened);
    }
    Linked(const Linked&) = delete;
    Linked& operator=(const Linked&) = delete;

    Spool& spool() { return *spool_; }
    Link& link() { return *link_; }

    void add(uint64_t first, uint64_t last) { add_lines(*spool_, first, last); }
    void add_line(const std::string& line) {
        EXPECT_TRUE(spool_->add(line, 0));
        spool_->settle(long_ns);
    }
    bool all_is_acknowledged() {
        return test::becomes_true([&] { return spool_->queued() == 0; });
    }
    bool is_connected() {
        return test::becomes_true([&] { return link_->state().connected; });
    }
    // The newest configuration that has come since the last call.
    std::optional<wire::Config> new_config() { return newest<wire::Config>(); }
    // The next configuration; empty where none comes.
    wire::Config config() {
        std::optional<wire::Config> config;
        (void)test::becomes_true([&] {
            config = new_config();
            return config.has_value();
        });
        return config.value_or(wire::Config());
    }
    // Lines that the server has refused since the last call.
    std::optional<SpoolLoss> refused() {
        const auto lines = newest<RefusedLines>();
        return lines ? std::optional(lines->loss) : std::nullopt;
    }
    // Why it is not connected, once that holds this word.
    std::string error_with(const std::string& part) {
        (void)test::becomes_true(
            [&] { return link_->state().error.find(part) != std::string::npos; });
        return link_->state().error;
    }

 private:
    // Of what the inbox holds; the rest stays for later calls.
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
    std::unique_ptr<Link> link_;
};

}  // namespace vigil::agent
