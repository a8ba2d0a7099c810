// SPDX-License-Identifier: Apache-2.0
#include "server/server_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "journal/reader.h"

namespace vigil::server {
namespace {

namespace asio = boost::asio;

// The dedup index is saved often enough that the next start reads little of the log.
constexpr uint64_t dedup_index_interval_lines = 500'000;
constexpr uint64_t dedup_index_interval_ns = 60 * ns_per_s;
constexpr size_t max_dedup_index_bytes = 256 << 20;
constexpr uint64_t max_notices = 20;  // per second
constexpr mode_t dedup_index_mode = 0640;
constexpr mode_t directory_mode = 0755;
constexpr uint64_t last_commit_ns = 10 * ns_per_s;
constexpr size_t recovery_bytes = 1 << 20;
constexpr size_t silent_batch = 16;

std::string dedup_index_path(const Options& options) { return options.log + ".ledger"; }

}  // namespace

ServerState::ServerState(const Options& options, Configurations configurations, LogCallback notice)
    : options_(options),
      configurations_(std::move(configurations)),
      log_callback_(std::move(notice)),
      log_progress_(io_, asio::steady_timer::time_point::max()) {}

ServerState::~ServerState() {
    dedup_index_writer_.join();
    log_.reset();
}

Result<std::unique_ptr<ServerState>> ServerState::open(const Options& options,
                                                       Configurations configurations,
                                                       LogCallback notice) {
    auto state = create(options, std::move(configurations), std::move(notice));
    TRY(state->open_files());
    return state;
}

std::unique_ptr<ServerState> ServerState::create(const Options& options,
                                                 Configurations configurations,
                                                 LogCallback notice) {
    return std::unique_ptr<ServerState>(
        new ServerState(options, std::move(configurations), std::move(notice)));
}

Result<void> ServerState::open_files() {
    TRY(open_log());
    return recover();
}

Result<void> ServerState::open_log() {
    const std::string directory = std::filesystem::path(options_.log).parent_path();
    if (!directory.empty()) {
        TRY(make_directories(directory, directory_mode));
    }
    journal::WriterOptions log;
    log.path = options_.log;
    log.segment_bytes = options_.log_segment_bytes;
    log.total_bytes = options_.log_total_bytes;
    log.max_rotated = options_.log_segments;
    log.pending_bytes = options_.log_pending_bytes;
    log.is_own_line = [](std::string_view line) { return wire::parse_origin(line).has_value(); };
    journal::WriterEvents events;
    events.on_synced = [this](uint64_t sequence) {
        asio::post(io_, [this, sequence] { synced(sequence); });
    };
    events.on_removed = [this](uint64_t, uint64_t count) {
        asio::post(io_, [this, count] { stats_.deleted += count; });
    };
    events.on_error = [this](const std::string& text) {
        asio::post(io_, [this, text] {
            log_callback_(text.empty()
                              ? "the log is written again"
                              : fmt::format("{}; agents keep their events meanwhile", text));
            log_error_ = text;
        });
    };
    TRY_ASSIGN(log_, journal::Writer::open(std::move(log), std::move(events)));
    synced_ = log_->synced();
    return {};
}

// Loads the saved dedup index, then the lines of the log after it. If they do not match (the log
// was moved away, the index is missing), the whole log is read.
Result<void> ServerState::recover() {
    const std::string path = dedup_index_path(options_);
    TRY_ASSIGN(const auto text, read_optional_file(path, max_dedup_index_bytes));
    uint64_t recovered_to = 0;
    if (text && !text->empty() && !DedupIndex::is_index(*text)) {
        return usage_error(
            fmt::format("'{}' is not an index of vigil: it is left as it is; move it "
                        "away, or take another log with -l",
                        escape_terminal(path)));
    }
    if (text) {
        const auto loaded = dedup_index_.load(*text);
        if (loaded) {
            recovered_to = *loaded <= log_->synced() ? *loaded : 0;
        } else {
            log_callback_(
                fmt::format("{}: {}; reading the log instead", path, loaded.error().context));
        }
    }
    journal::Reader reader(options_.log, recovered_to + 1);
    std::string lines;
    while (true) {
        lines.clear();
        const uint64_t begin_at = reader.next_sequence();
        const auto count = reader.read(lines, recovery_bytes, log_->synced());
        if (!count && reader.next_sequence() > begin_at) {
            log_callback_(count.error().context);  // a damaged line: continue after it
            continue;
        }
        if (!count) {
            return count.error();
        }
        if (*count == 0) {
            break;
        }
        uint64_t sequence = reader.next_sequence() - *count;
        for (size_t begin = 0; begin < lines.size(); sequence++) {
            const size_t end = lines.find('\n', begin);
            dedup_index_.recover(std::string_view(lines).substr(begin, end - begin), sequence);
            begin = end + 1;
        }
    }
    dedup_index_saved_at_ = log_->synced();
    return write_dedup_index(dedup_index_.text(dedup_index_saved_at_));
}

bool ServerState::append(DedupIndex::Entry& entry, std::string_view lines, size_t count,
                         uint64_t last_sequence) {
    const auto first = log_->append(lines, count);
    if (!first) {
        stats_.waits++;
        return false;
    }
    stats_.events += count;
    dedup_index_.appended(entry, last_sequence, {*first, *first + count - 1});
    return true;
}

wire::Awaitable<void> ServerState::wait_for_log() {
    (void)co_await log_progress_.async_wait(asio::as_tuple(asio::use_awaitable));
}

DedupIndex::Entry& ServerState::claim(Session& session, const std::string& agent,
                                      const std::string& journal) {
    DedupIndex::Entry& entry = dedup_index_.use(agent, journal);
    Session* const older = std::exchange(owners_[&entry], &session);
    if (older != nullptr && older != &session) {
        older->refuse(CloseReason::replaced, "the same agent has opened a newer connection");
    }
    return entry;
}

void ServerState::release(Session& session, DedupIndex::Entry& entry, const std::string& agent,
                          const std::string& journal) {
    const auto owner = owners_.find(&entry);
    if (owner != owners_.end() && owner->second == &session) {
        owners_.erase(owner);
    }
    dedup_index_.release(agent, journal);
}

void ServerState::add(std::shared_ptr<Session> session) {
    stats_.connections++;
    greeting_.push_back(session);
    sessions_.insert(std::move(session));
    drop_silent();
}

void ServerState::drop_silent() {
    if (greeting_.size() <= options_.max_greeting) {
        return;
    }
    std::erase_if(greeting_, [](const std::weak_ptr<Session>& each) {
        const auto session = each.lock();
        return !session || !session->is_greeting();
    });
    if (greeting_.size() <= options_.max_greeting) {
        return;
    }
    std::map<std::string, std::vector<std::shared_ptr<Session>>> by_address;
    for (const std::weak_ptr<Session>& each : greeting_) {
        const auto session = each.lock();
        const std::string& address = session->address();
        by_address[address.substr(0, address.rfind(':'))].push_back(session);
    }
    const auto most = std::max_element(
        by_address.begin(), by_address.end(),
        [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    // Some at a time: to look for them costs more than to close them.
    const size_t closed =
        std::min(most->second.size(), greeting_.size() - options_.max_greeting + silent_batch - 1);
    for (size_t i = 0; i < closed; i++) {
        stats_.count(CloseReason::too_many);
        most->second[i]->close();
    }
    notice(fmt::format("{} from {} closed: they had sent no hello, and others wait",
                       count_of(closed, "connection"), most->first));
}

bool ServerState::check_connections(Session& session) {
    if (sessions_.size() <= options_.max_connections) {
        return true;
    }
    size_t agents = 0;
    size_t refused = 0;
    for (const auto& each : sessions_) {
        refused += each->is_refused() ? 1 : 0;
        agents += each->hello() && !each->is_refused() && each.get() != &session ? 1 : 0;
    }
    if (agents < options_.max_connections) {
        return true;
    }
    if (refused >= options_.max_refused) {
        stats_.count(CloseReason::too_many);
        session.close();
        return false;
    }
    session.refuse(CloseReason::too_many,
                   fmt::format("there are {} connections, the maximum", options_.max_connections));
    return false;
}

void ServerState::on_end(const std::shared_ptr<Session>& session) {
    sessions_.erase(session);
    const auto& hello = session->hello();
    if (!hello) {
        return;
    }
    if (disconnected_.size() < max_disconnected || disconnected_.count(hello->agent) != 0) {
        disconnected_[hello->agent] = {session->address(), boot_now_ns()};
    }
    notice(fmt::format("agent {} from {} disconnected", hello->agent, session->address()));
}

size_t ServerState::push_configurations() {
    size_t count = 0;
    for (const auto& session : sessions_) {
        const std::string before = session->sent_hash();
        session->send_configuration();
        count += session->sent_hash() != before ? 1 : 0;
    }
    return count;
}

void ServerState::synced(uint64_t log_sequence) {
    synced_ = log_sequence;
    dedup_index_.synced(log_sequence, [this](DedupIndex::Entry& entry) {
        if (const auto owner = owners_.find(&entry); owner != owners_.end()) {
            owner->second->durable();
        }
    });
    log_progress_.cancel();
    save_dedup_index();
}

void ServerState::notice(const std::string& text) {
    if (notices_++ < max_notices) {
        log_callback_(text);
    }
}

void ServerState::tick() {
    const uint64_t now_ns = boot_now_ns();
    if (const uint64_t count = std::exchange(notices_, 0); count > max_notices) {
        log_callback_(
            fmt::format("... and {} like these", count_of(count - max_notices, "more message")));
    }
    log_progress_.cancel();
    // A session closed here leaves the set later, when its coroutine ends.
    for (const auto& session : sessions_) {
        session->check_time(now_ns);
    }
    save_dedup_index();
}

void ServerState::save_dedup_index() {
    const uint64_t now_ns = boot_now_ns();
    const bool due =
        synced_ > dedup_index_saved_at_ && now_ns > dedup_index_saved_ns_ + dedup_index_interval_ns;
    if (!due && synced_ < dedup_index_saved_at_ + dedup_index_interval_lines) {
        return;
    }
    dedup_index_saved_at_ = synced_;
    dedup_index_saved_ns_ = now_ns;
    // It contains durable lines only. Writing it blocks on the disk, so not on this thread.
    asio::post(dedup_index_writer_, [this, text = dedup_index_.text(synced_)] {
        if (const auto written = write_dedup_index(text); !written) {
            asio::post(io_, [this, reason = written.error().context] { log_callback_(reason); });
        }
    });
}

Result<void> ServerState::write_dedup_index(const std::string& text) const {
    return replace_file(dedup_index_path(options_), text, dedup_index_mode);
}

void ServerState::finish() {
    const auto open_sessions = sessions_;
    for (const auto& session : open_sessions) {
        session->close();
    }
    if (!log_->wait_synced(log_->next_sequence() - 1, last_commit_ns)) {
        log_callback_(
            fmt::format("{} could not be written to the log; none of them was acknowledged",
                        count_of(log_->next_sequence() - 1 - log_->synced(), "line")));
    }
    synced(log_->synced());
    dedup_index_writer_.join();
    if (const auto written = write_dedup_index(dedup_index_.text(synced_)); !written) {
        log_callback_(written.error().context);
    }
}

}  // namespace vigil::server
