// SPDX-License-Identifier: Apache-2.0
// The middle of a server: who is connected, what they are told, and the log. All of it runs on one
// thread, but where it says otherwise.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/result.h"
#include "journal/writer.h"
#include "server/configurations.h"
#include "server/ledger.h"
#include "server/options.h"
#include "server/session.h"
#include "server/stats.h"
#include "wire/stream.h"

namespace vigil::server {

// What is kept of an agent that was here.
struct Gone {
    std::string address;
    uint64_t since_ns = 0;  // since boot
};

class Hub {
 public:
    static constexpr size_t most_gone = 10'000;

    // Opens the log and reads what it holds of whom.
    static Result<std::unique_ptr<Hub>> open(const Options& options, Configurations configurations,
                                             Notice notice);
    ~Hub();
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    boost::asio::io_context& io() { return io_; }
    const Options& options() const { return options_; }
    Stats& stats() { return stats_; }
    Ledger& ledger() { return ledger_; }
    Configurations& configurations() { return configurations_; }
    const journal::Writer& log() const { return *log_; }

    // --- For sessions.

    // Memory that is of use only until the session waits for something: one for all of them.
    wire::Parser& parser() { return parser_; }
    std::string& batch() { return batch_; }

    // Appends lines to the log; the place of the first. Nothing where there is no room now.
    std::optional<uint64_t> append(std::string_view lines, size_t count);
    // Until the log has got further, or tick() is called.
    wire::Awaitable<void> wait_for_log();
    // The session has said of which journal its events are. An older one that sends the same is
    // closed.
    void owns(Session& session, Ledger::Entry& entry);
    void disowns(Session& session, Ledger::Entry& entry);

    void add(std::shared_ptr<Session> session);
    void remove(const std::shared_ptr<Session>& session);

    // --- For the console.

    const std::unordered_set<std::shared_ptr<Session>>& sessions() const { return sessions_; }
    const std::map<std::string, Gone>& gone() const { return gone_; }
    const std::string& log_trouble() const { return log_trouble_; }
    // To every agent whose configuration is not what it was sent last; how many.
    size_t push_configurations();
    // Foreigners can cause these: beyond some a second they are only counted.
    void notice(const std::string& text);

    // To be called about once a second.
    void tick();

    // At the end: closes all connections, commits the log and keeps the ledger.
    void finish();

 private:
    Hub(const Options& options, Configurations configurations, Notice notice);

    Result<void> open_log();
    Result<void> recover();
    void synced(uint64_t log_sequence);
    void keep_ledger();
    Result<void> write_ledger(const std::string& text) const;

    Options options_;
    Configurations configurations_;
    Notice notice_;
    boost::asio::io_context io_;
    boost::asio::steady_timer log_moves_;
    Ledger ledger_;
    Stats stats_;
    wire::Parser parser_;
    std::string batch_;
    std::unordered_set<std::shared_ptr<Session>> sessions_;
    std::unordered_map<const Ledger::Entry*, Session*> owners_;
    std::map<std::string, Gone> gone_;
    std::string log_trouble_;
    uint64_t synced_ = 0;          // as this thread knows
    uint64_t ledger_kept_at_ = 0;  // sequence in the log
    uint64_t ledger_kept_ns_ = 0;
    uint64_t notices_ = 0;                  // since the last tick
    std::unique_ptr<journal::Writer> log_;  // its thread posts to io_
    boost::asio::thread_pool ledger_writer_{1};
};

}  // namespace vigil::server
