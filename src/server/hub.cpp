// SPDX-License-Identifier: Apache-2.0
#include "server/hub.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "journal/reader.h"

namespace vigil::server {
namespace {

namespace asio = boost::asio;

// The ledger is kept so often that little of the log has to be read at the next start.
constexpr uint64_t ledger_lines = 500'000;
constexpr uint64_t ledger_interval_ns = 60 * ns_per_s;
constexpr size_t largest_ledger_bytes = 256 << 20;
constexpr uint64_t most_notices = 20;  // a second
constexpr mode_t ledger_mode = 0640;
constexpr mode_t folder_mode = 0755;
constexpr uint64_t last_commit_ns = 10 * ns_per_s;
constexpr size_t recovery_bytes = 1 << 20;

std::string ledger_path(const Options& options) { return options.log + ".ledger"; }

}  // namespace

Hub::Hub(const Options& options, Configurations configurations, Notice notice)
    : options_(options),
      configurations_(std::move(configurations)),
      notice_(std::move(notice)),
      log_moves_(io_, asio::steady_timer::time_point::max()) {}

Hub::~Hub() {
    ledger_writer_.join();
    log_.reset();
}

Result<std::unique_ptr<Hub>> Hub::open(const Options& options, Configurations configurations,
                                       Notice notice) {
    std::unique_ptr<Hub> hub(new Hub(options, std::move(configurations), std::move(notice)));
    TRY(hub->open_log());
    TRY(hub->recover());
    return hub;
}

Result<void> Hub::open_log() {
    const std::string folder = std::filesystem::path(options_.log).parent_path();
    if (!folder.empty()) {
        TRY(make_folders(folder, folder_mode));
    }
    journal::WriterOptions log;
    log.path = options_.log;
    log.segment_bytes = options_.log_segment_bytes;
    log.total_bytes = options_.log_total_bytes;
    log.most_rotated = options_.log_segments;
    log.pending_bytes = options_.log_pending_bytes;
    journal::WriterEvents events;
    events.on_synced = [this](uint64_t sequence) {
        asio::post(io_, [this, sequence] { synced(sequence); });
    };
    events.on_removed = [this](uint64_t, uint64_t count) {
        asio::post(io_, [this, count] { stats_.deleted += count; });
    };
    events.on_trouble = [this](const std::string& text) {
        asio::post(io_, [this, text] {
            notice_(text.empty() ? "the log is written again"
                                 : fmt::format("{}; agents keep their events meanwhile", text));
            log_trouble_ = text;
        });
    };
    TRY_ASSIGN(log_, journal::Writer::open(std::move(log), std::move(events)));
    synced_ = log_->synced();
    return {};
}

// The ledger as it was kept, and what the log has got since. Where they don't fit (the log was
// moved away, the ledger is gone), all of the log counts.
Result<void> Hub::recover() {
    const std::string path = ledger_path(options_);
    TRY_ASSIGN(const auto text, read_file_if_any(path, largest_ledger_bytes));
    uint64_t known_to = 0;
    if (text) {
        const auto loaded = ledger_.load(*text);
        if (loaded) {
            known_to = *loaded <= log_->synced() ? *loaded : 0;
        } else {
            notice_(fmt::format("{}: {}; reading the log instead", path, loaded.error().context));
        }
    }
    journal::Reader reader(options_.log, known_to + 1);
    std::string lines;
    while (true) {
        lines.clear();
        const uint64_t begin_at = reader.next_sequence();
        const auto count = reader.read(lines, recovery_bytes, log_->synced());
        if (!count && reader.next_sequence() > begin_at) {
            notice_(count.error().context);  // a damaged line: it goes on behind it
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
            ledger_.found(std::string_view(lines).substr(begin, end - begin), sequence);
            begin = end + 1;
        }
    }
    ledger_kept_at_ = log_->synced();
    return write_ledger(ledger_.text(ledger_kept_at_));
}

std::optional<uint64_t> Hub::append(std::string_view lines, size_t count) {
    return log_->append(lines, count);
}

wire::Awaitable<void> Hub::wait_for_log() {
    (void)co_await log_moves_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void Hub::owns(Session& session, Ledger::Entry& entry) {
    Session*& owner = owners_[&entry];
    if (owner != nullptr && owner != &session) {
        Session& older = *owner;
        owner = &session;
        older.refuse(Fault::replaced, "the same agent has come back on a newer connection");
        return;
    }
    owner = &session;
}

void Hub::disowns(Session& session, Ledger::Entry& entry) {
    const auto owner = owners_.find(&entry);
    if (owner != owners_.end() && owner->second == &session) {
        owners_.erase(owner);
    }
}

void Hub::add(std::shared_ptr<Session> session) {
    stats_.connections++;
    sessions_.insert(std::move(session));
}

void Hub::remove(const std::shared_ptr<Session>& session) {
    sessions_.erase(session);
    const auto& hello = session->hello();
    if (!hello) {
        return;
    }
    if (gone_.size() < most_gone || gone_.count(hello->agent) != 0) {
        gone_[hello->agent] = {session->address(), boot_now_ns()};
    }
    notice(fmt::format("agent {} from {} has gone", hello->agent, session->address()));
}

size_t Hub::push_configurations() {
    size_t count = 0;
    for (const auto& session : sessions_) {
        const std::string before = session->sent_hash();
        session->send_configuration();
        count += session->sent_hash() != before ? 1 : 0;
    }
    return count;
}

void Hub::synced(uint64_t log_sequence) {
    synced_ = log_sequence;
    ledger_.synced(log_sequence, [this](Ledger::Entry& entry) {
        if (const auto owner = owners_.find(&entry); owner != owners_.end()) {
            owner->second->durable();
        }
    });
    log_moves_.cancel();
    keep_ledger();
}

void Hub::notice(const std::string& text) {
    if (notices_++ < most_notices) {
        notice_(text);
    }
}

void Hub::tick() {
    const uint64_t now_ns = boot_now_ns();
    if (const uint64_t said = std::exchange(notices_, 0); said > most_notices) {
        notice_(fmt::format("... and {} more words like these", said - most_notices));
    }
    log_moves_.cancel();
    // A session that is closed here leaves the set later, when its coroutine ends.
    for (const auto& session : sessions_) {
        session->check_time(now_ns);
    }
    keep_ledger();
}

void Hub::keep_ledger() {
    const uint64_t now_ns = boot_now_ns();
    const bool due = synced_ > ledger_kept_at_ && now_ns > ledger_kept_ns_ + ledger_interval_ns;
    if (!due && synced_ < ledger_kept_at_ + ledger_lines) {
        return;
    }
    ledger_kept_at_ = synced_;
    ledger_kept_ns_ = now_ns;
    // Only what is durable stands in it. Writing it waits for the disk: not on this thread.
    asio::post(ledger_writer_, [this, text = ledger_.text(synced_)] {
        if (const auto written = write_ledger(text); !written) {
            asio::post(io_, [this, reason = written.error().context] { notice_(reason); });
        }
    });
}

Result<void> Hub::write_ledger(const std::string& text) const {
    return replace_file(ledger_path(options_), text, ledger_mode);
}

void Hub::finish() {
    const auto open_sessions = sessions_;
    for (const auto& session : open_sessions) {
        session->close();
    }
    if (!log_->wait_synced(log_->next_sequence() - 1, last_commit_ns)) {
        notice_(
            fmt::format("{} lines could not be written to the log; no agent was told that "
                        "they were",
                        log_->next_sequence() - 1 - log_->synced()));
    }
    synced(log_->synced());
    ledger_writer_.join();
    if (const auto written = write_ledger(ledger_.text(synced_)); !written) {
        notice_(written.error().context);
    }
}

}  // namespace vigil::server
