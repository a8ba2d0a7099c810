// SPDX-License-Identifier: Apache-2.0
// The commit thread of a writer. It sleeps until there is work, takes the pending lines and makes
// them durable, while new lines gather in the other buffer.
#include <algorithm>
#include <utility>

#include "journal/segment_store.h"
#include "journal/writer.h"

namespace vigil::journal {

void Writer::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        for (auto at = next_cycle_time(); !at || *at > Clock::now(); at = next_cycle_time()) {
            if (at) {
                wake_.wait_until(lock, *at);
            } else {
                wake_.wait(lock);
            }
        }
        const bool last = stopping_;
        cycle_requested_ = false;
        retry_at_.reset();
        if (inflight_lines_ == 0) {
            inflight_.clear();
            inflight_written_bytes_ = 0;
            std::swap(inflight_, pending_);
            inflight_lines_ = std::exchange(pending_lines_, 0);
        }
        lock.unlock();
        commit_cycle();
        lock.lock();
        if (last && (buffered_bytes_ == 0 || lines_blocked_)) {
            return;
        }
    }
}

// Time of the next cycle; nullopt: only after an event. Call with the lock held.
std::optional<Writer::Clock::time_point> Writer::next_cycle_time() const {
    if (stopping_ || cycle_requested_) {
        return Clock::time_point::min();
    }
    std::optional<Clock::time_point> at = retry_at_;
    if (!pending_.empty() && !lines_blocked_) {
        const auto full =
            pending_.size() >= group_bytes ? Clock::time_point::min() : pending_since_ + group_time;
        at = at ? std::min(*at, full) : full;
    }
    return at;
}

void Writer::commit_cycle() {
    last_error_.clear();
    note_error(enforce_bounds(0));
    const auto committed = commit();
    note_error(committed);
    note_error(enforce_bounds(0));
    report(last_error_);
    if (inflight_lines_ == 0 && inflight_.capacity() > max_kept_buffer_bytes) {
        inflight_ = {};
    }
    const std::lock_guard lock(mutex_);
    lines_blocked_ = !committed;
    if (!last_error_.empty()) {
        retry_at_ = Clock::now() + retry_time;
    }
}

Result<void> Writer::commit() {
    bool rotates = true;
    while (true) {
        if (rotates && needs_rotation()) {
            // On failure the lines are written anyway: too long a segment is better than lines that
            // are not on disk.
            const auto rotated = store_->rotate();
            note_error(rotated);
            rotates = rotated.has_value();
            if (rotates) {
                drop_reached_rotations();
            }
            publish();
        }
        uint64_t lines = 0;
        const std::string_view chunk = next_chunk(rotates, lines);
        if (chunk.empty()) {
            return {};
        }
        note_error(enforce_bounds(chunk.size()));
        const uint64_t sequence = store_->next_sequence();
        const uint64_t bytes = store_->written_bytes();
        const auto written = store_->write(chunk, lines);
        inflight_lines_ -= store_->next_sequence() - sequence;
        inflight_written_bytes_ += store_->written_bytes() - bytes;
        if (const std::string notice = store_->pop_notice(); !notice.empty()) {
            report(notice);
        }
        publish();
        TRY(written);
    }
}

std::string_view Writer::unwritten() const {
    return std::string_view(inflight_).substr(inflight_written_bytes_);
}

bool Writer::needs_rotation() const {
    const std::string_view lines = unwritten();
    const uint64_t active = store_->active_bytes();
    if (active > 0 && !lines.empty() && active + lines.find('\n') + 1 > options_.segment_bytes) {
        return true;
    }
    const std::lock_guard lock(mutex_);
    return !rotate_at_.empty() && rotate_at_.front() <= store_->next_sequence();
}

void Writer::drop_reached_rotations() {
    const std::lock_guard lock(mutex_);
    while (!rotate_at_.empty() && rotate_at_.front() <= store_->next_sequence()) {
        rotate_at_.pop_front();
    }
}

// The next write to the active segment: whole lines, at least one if there are any.
std::string_view Writer::next_chunk(bool bounded, uint64_t& lines) const {
    const std::string_view rest = unwritten();
    const uint64_t active = store_->active_bytes();
    const uint64_t free_bytes = options_.segment_bytes - std::min(options_.segment_bytes, active);
    uint64_t max_lines = UINT64_MAX;
    if (const std::lock_guard lock(mutex_); !rotate_at_.empty()) {
        max_lines = rotate_at_.front() - store_->next_sequence();
    }
    lines = inflight_lines_;
    if (!bounded || (rest.size() <= free_bytes && lines <= max_lines)) {
        return rest;
    }
    size_t end = 0;
    for (lines = 0; end < rest.size() && lines < max_lines; lines++) {
        const size_t next = rest.find('\n', end) + 1;
        if (lines > 0 && next > free_bytes) {
            break;
        }
        end = next;
    }
    return rest.substr(0, end);
}

// Deletes segments that are no longer needed, and those that exceed the bounds after `coming_bytes`
// new bytes.
Result<void> Writer::enforce_bounds(uint64_t coming_bytes) {
    while (store_->rotated() > 0) {
        uint64_t needed = 0;
        if (const std::lock_guard lock(mutex_); true) {
            needed = remove_before_;
        }
        const bool acknowledged = store_->oldest_end() <= needed;
        const bool too_many = options_.max_rotated > 0 && store_->rotated() > options_.max_rotated;
        const bool too_much = options_.total_bytes > 0 &&
                              store_->bytes_on_disk() + coming_bytes > options_.total_bytes;
        if (!acknowledged && !too_many && !too_much) {
            break;
        }
        TRY_ASSIGN(const SegmentStore::Removed removed, store_->remove_oldest());
        publish();
        if (!acknowledged && events_.on_removed) {
            events_.on_removed(removed.first_sequence, removed.count);
        }
    }
    return {};
}

// Updates the values that other threads read.
void Writer::publish() {
    const uint64_t synced = store_->next_sequence() - 1;
    {
        const std::lock_guard lock(mutex_);
        buffered_bytes_ = pending_.size() + unwritten().size();
        oldest_sequence_ = store_->oldest_sequence();
        oldest_end_ = store_->rotated() > 0 ? store_->oldest_end() : UINT64_MAX;
        bytes_on_disk_ = store_->bytes_on_disk();
        if (synced == synced_) {
            return;
        }
        synced_ = synced;
        stats_.commits++;
        stats_.bytes = store_->written_bytes();
    }
    synced_changed_.notify_all();
    if (events_.on_synced) {
        events_.on_synced(synced);
    }
}

void Writer::note_error(const Result<void>& result) {
    if (!result && last_error_.empty()) {
        last_error_ = result.error().context;
    }
}

void Writer::report(const std::string& text) {
    if (text != reported_ && events_.on_error) {
        events_.on_error(text);
    }
    reported_ = text;
}

}  // namespace vigil::journal
