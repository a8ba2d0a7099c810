// SPDX-License-Identifier: Apache-2.0
#include "journal/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "journal/segment_store.h"
#include "journal/segments.h"

namespace vigil::journal {
namespace {

bool are_lines(std::string_view lines, size_t count) {
    return (lines.empty() || lines.back() == '\n') && count_line_ends(lines) == count;
}

WriterOptions with_bounds(WriterOptions options) {
    if (options.total_bytes > 0) {
        options.segment_bytes = std::min(options.segment_bytes, options.total_bytes / 4);
    }
    return options;
}

}  // namespace

Result<std::unique_ptr<Writer>> Writer::open(WriterOptions options, WriterEvents events,
                                             FileSystem& file_system) {
    TRY_ASSIGN(std::unique_ptr<SegmentStore> store,
               SegmentStore::open(options.path, options.first_sequence, options.mode, file_system,
                                  options.is_own_line));
    if (options.new_segment) {
        TRY(store->rotate());
    }
    std::unique_ptr<Writer> writer(
        new Writer(with_bounds(std::move(options)), std::move(events), std::move(store)));
    // Signals of the program are handled by its other threads.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::string error;
    try {
        writer->thread_ = std::thread(&Writer::run, writer.get());
    } catch (const std::system_error& exception) {
        error = exception.what();
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!error.empty()) {
        return Error{ErrorCode::failed, fmt::format("starting a thread: {}", error)};
    }
    return writer;
}

Writer::Writer(WriterOptions options, WriterEvents events, std::unique_ptr<SegmentStore> store)
    : options_(std::move(options)),
      events_(std::move(events)),
      store_(std::move(store)),
      next_sequence_(store_->next_sequence()),
      synced_(store_->next_sequence() - 1),
      oldest_sequence_(store_->oldest_sequence()),
      oldest_end_(store_->rotated() > 0 ? store_->oldest_end() : UINT64_MAX),
      bytes_on_disk_(store_->bytes_on_disk()) {}

Writer::~Writer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

std::optional<uint64_t> Writer::append(std::string_view lines, size_t count) {
    CHECK(are_lines(lines, count));
    std::unique_lock lock(mutex_);
    if (buffered_bytes_ > 0 && buffered_bytes_ + lines.size() > options_.pending_bytes) {
        return {};
    }
    const uint64_t sequence = next_sequence_;
    if (count == 0) {
        return sequence;
    }
    const size_t pending_before = pending_.size();
    if (pending_before == 0) {
        pending_since_ = Clock::now();
    }
    pending_ += lines;
    pending_lines_ += count;
    buffered_bytes_ += lines.size();
    next_sequence_ += count;
    const bool wake =
        pending_before == 0 || (pending_before < group_bytes && pending_.size() >= group_bytes);
    lock.unlock();
    if (wake) {
        wake_.notify_one();
    }
    return sequence;
}

void Writer::remove_before(uint64_t sequence) {
    {
        const std::lock_guard lock(mutex_);
        remove_before_ = std::max(remove_before_, sequence);
        // Lines that did not fit may fit now.
        if (oldest_end_ > remove_before_ && !lines_blocked_) {
            return;
        }
        cycle_requested_ = true;
    }
    wake_.notify_one();
}

void Writer::rotate() {
    {
        const std::lock_guard lock(mutex_);
        rotate_at_.push_back(next_sequence_);
        cycle_requested_ = true;
    }
    wake_.notify_one();
}

bool Writer::wait_synced(uint64_t sequence, uint64_t timeout_ns) {
    std::unique_lock lock(mutex_);
    // Clamped to a time that the clock can represent.
    const auto time = std::chrono::nanoseconds(std::min(timeout_ns, 1'000'000 * ns_per_s));
    return synced_changed_.wait_for(lock, time, [&] { return synced_ >= sequence; });
}

uint64_t Writer::next_sequence() const {
    const std::lock_guard lock(mutex_);
    return next_sequence_;
}

uint64_t Writer::synced() const {
    const std::lock_guard lock(mutex_);
    return synced_;
}

uint64_t Writer::oldest_sequence() const {
    const std::lock_guard lock(mutex_);
    return oldest_sequence_;
}

uint64_t Writer::bytes_on_disk() const {
    const std::lock_guard lock(mutex_);
    return bytes_on_disk_;
}

size_t Writer::pending_bytes() const {
    const std::lock_guard lock(mutex_);
    return buffered_bytes_;
}

WriterStats Writer::stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
}

}  // namespace vigil::journal
