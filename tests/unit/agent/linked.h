// SPDX-License-Identifier: Apache-2.0
// An agent's spool and link, as the agent puts them together.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "agent/link.h"
#include "agent/spooled.h"
#include "support/processes.h"

namespace vigil::agent {

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
        : spool_(open_spool(folder, 64 << 20, [this] { tell(); })) {
        LinkOptions link;
        link.servers.push_back({options.server, port});
        link.tls = options.tls;
        link.hello.agent = options.name;
        link.hello.host = options.host;
        auto opened = Link::open(link, *spool_, [] {});
        EXPECT_TRUE(opened) << (opened ? "" : opened.error().context);
        link_ = std::move(*opened);
        const std::lock_guard lock(mutex_);
        told_ = link_.get();
    }
    Linked(const Linked&) = delete;
    Linked& operator=(const Linked&) = delete;
    // The spool's thread must not tell a link that is gone.
    ~Linked() {
        {
            const std::lock_guard lock(mutex_);
            told_ = nullptr;
        }
        link_.reset();
        spool_.reset();
    }

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
    // The next configuration; empty where none comes.
    wire::Config config() {
        std::optional<wire::Config> config;
        (void)test::becomes_true([&] {
            config = link_->take_config();
            return config.has_value();
        });
        return config.value_or(wire::Config());
    }
    // Why it is not connected, once that holds this word.
    std::string error_with(const std::string& part) {
        (void)test::becomes_true(
            [&] { return link_->state().error.find(part) != std::string::npos; });
        return link_->state().error;
    }

 private:
    void tell() {
        const std::lock_guard lock(mutex_);
        if (told_ != nullptr) {
            told_->more();
        }
    }

    std::mutex mutex_;
    Link* told_ = nullptr;  // under the mutex
    std::unique_ptr<Spool> spool_;
    std::unique_ptr<Link> link_;
};

}  // namespace vigil::agent
