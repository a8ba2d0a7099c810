// SPDX-License-Identifier: Apache-2.0
// State of a server: the sessions, their configurations, and the log. Everything runs on the
// server's thread, unless noted.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <deque>
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
#include "server/dedup_index.h"
#include "server/options.h"
#include "server/session.h"
#include "server/session_host.h"
#include "server/stats.h"
#include "wire/stream.h"

namespace vigil::server {

// What is remembered of an agent that disconnected.
struct DisconnectedAgent {
    std::string address;
    uint64_t since_ns = 0;  // since boot
};

class ServerState final : public SessionHost {
 public:
    static constexpr size_t max_disconnected = 10'000;

    // Without files yet.
    static std::unique_ptr<ServerState> create(const Options& options,
                                               Configurations configurations, LogCallback notice);
    // Opens the log and recovers which lines of which agents it holds. Once, before all else.
    Result<void> open_files();
    // Both.
    static Result<std::unique_ptr<ServerState>> open(const Options& options,
                                                     Configurations configurations,
                                                     LogCallback notice);
    ~ServerState() override;
    ServerState(const ServerState&) = delete;
    ServerState& operator=(const ServerState&) = delete;

    const Stats& stats() const { return stats_; }
    // Events of Stats::events that are not durable: not acknowledged, so their agents keep them.
    uint64_t undurable_events() const { return log_->next_sequence() - 1 - log_->synced(); }
    const DedupIndex& dedup_index() const { return dedup_index_; }
    const journal::Writer& log() const { return *log_; }
    Configurations& configurations() { return configurations_; }

    // Of those that have not said hello, one more than allowed makes the oldest go of the address
    // that has most of them.
    void add(std::shared_ptr<Session> session);

    // --- SessionHost

    boost::asio::io_context& io() override { return io_; }
    const Options& options() const override { return options_; }
    Scratch& scratch() override { return scratch_; }
    bool check_connections(Session& session) override;
    const Configuration& configuration_for(std::string_view host) const override {
        return configurations_.for_host(host);
    }
    DedupIndex::Entry& claim(Session& session, const std::string& agent,
                             const std::string& journal) override;
    void release(Session& session, DedupIndex::Entry& entry, const std::string& agent,
                 const std::string& journal) override;
    bool append(DedupIndex::Entry& entry, std::string_view lines, size_t count,
                uint64_t last_sequence) override;
    wire::Awaitable<void> wait_for_log() override;
    void on_received(size_t bytes) override { stats_.bytes += bytes; }
    void on_duplicate() override { stats_.duplicates++; }
    void on_missing(uint64_t events) override { stats_.missing += events; }
    void on_refused(CloseReason reason) override { stats_.count(reason); }
    void on_end(const std::shared_ptr<Session>& session) override;
    void notice(const std::string& text) override;

    // --- For the console.

    const std::unordered_set<std::shared_ptr<Session>>& sessions() const { return sessions_; }
    const std::map<std::string, DisconnectedAgent>& disconnected() const { return disconnected_; }
    const std::string& log_error() const { return log_error_; }
    // Sends the configuration to every agent whose configuration changed since it was last sent;
    // returns their number.
    size_t push_configurations();

    // Call it about once a second.
    void tick();

    // At the end: closes all connections, commits the log and saves the dedup index.
    void finish();

 private:
    ServerState(const Options& options, Configurations configurations, LogCallback notice);

    Result<void> open_log();
    Result<void> recover();
    void drop_silent();
    void synced(uint64_t log_sequence);
    void save_dedup_index();
    Result<void> write_dedup_index(const std::string& text) const;

    Options options_;
    Configurations configurations_;
    LogCallback log_callback_;
    boost::asio::io_context io_;
    boost::asio::steady_timer log_progress_;
    DedupIndex dedup_index_;
    Stats stats_;
    Scratch scratch_;
    std::unordered_set<std::shared_ptr<Session>> sessions_;
    std::deque<std::weak_ptr<Session>> greeting_;  // oldest first; some have said hello since
    std::unordered_map<const DedupIndex::Entry*, Session*> owners_;
    std::map<std::string, DisconnectedAgent> disconnected_;
    std::string log_error_;
    uint64_t synced_ = 0;                // durable sequence as known to this thread
    uint64_t dedup_index_saved_at_ = 0;  // sequence in the log
    uint64_t dedup_index_saved_ns_ = 0;
    uint64_t notices_ = 0;                  // since the last tick
    std::unique_ptr<journal::Writer> log_;  // its thread posts to io_
    boost::asio::thread_pool dedup_index_writer_{1};
};

}  // namespace vigil::server
