// SPDX-License-Identifier: Apache-2.0
// Appends lines to a journal. Lines are buffered in memory and made durable in groups by the
// writer's commit thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"
#include "journal/file_system.h"

namespace vigil::journal {

class SegmentStore;

struct WriterOptions {
    std::string path;
    // the active segment is rotated before it exceeds this; capped at a quarter of total_bytes if
    // that is set
    uint64_t segment_bytes = 64 << 20;
    uint64_t total_bytes = 0;  // of all segments: the oldest are deleted first; 0: no bound
    size_t max_rotated = 0;    // max. number of rotated segments; 0: no bound
    // bound of lines that are not on disk yet: beyond it append() fails
    size_t pending_bytes = 16 << 20;
    uint64_t first_sequence = 1;  // for a journal without anything on disk
    bool new_segment = false;     // an active segment with lines is rotated at open
    mode_t mode = 0640;           // of new files, before the umask
    // Whether a line, with its end, is of the kind that this writer appends. A file whose first
    // line is not is foreign and is refused. Empty: every line is.
    std::function<bool(std::string_view line)> is_own_line;
};

// Called on the commit thread without locks, until the destructor returns. In a commit cycle
// on_synced comes after the lines are durable. Handlers may call the writer, but must not destroy
// it or wait for it.
struct WriterEvents {
    // All lines up to this one are on disk.
    std::function<void(uint64_t sequence)> on_synced;
    // Lines that were deleted to enforce the bounds.
    std::function<void(uint64_t first_sequence, uint64_t count)> on_removed;
    // Describes a failure. Called once until the text changes, with "" when everything works again.
    // No line is lost by a failure: lines wait in memory, and the writer retries every second.
    std::function<void(const std::string& text)> on_error;
};

struct WriterStats {
    uint64_t commits = 0;  // commits that made lines durable
    uint64_t bytes = 0;    // bytes made durable
};

// Thread-safe: any thread may call any member, except that the destructor must be the last call.
class Writer {
 public:
    // Truncates a torn last line and makes the existing lines durable. Fails if another writer, in
    // any process, has the journal open.
    static Result<std::unique_ptr<Writer>> open(WriterOptions options, WriterEvents events,
                                                FileSystem& file_system = real_file_system());
    // Tries once to commit pending lines.
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // Appends one line with its '\n' and returns its sequence number. nullopt if the buffer is
    // full; an empty buffer accepts any line.
    std::optional<uint64_t> append(std::string_view line) { return append(line, 1); }
    // Appends `count` whole lines, all or none; returns the sequence number of the first.
    std::optional<uint64_t> append(std::string_view lines, size_t count);

    // Requests deletion of rotated segments with only lines before `sequence`. Not reported to
    // on_removed.
    void remove_before(uint64_t sequence);
    // The next line starts a new segment.
    void rotate();
    // Waits until the line is on disk, also if it has not been appended yet. False after the
    // timeout.
    bool wait_synced(uint64_t sequence, uint64_t timeout_ns);

    uint64_t next_sequence() const;    // number of the next append()
    uint64_t synced() const;           // last line on disk; next_sequence() - 1 after open()
    uint64_t oldest_sequence() const;  // first retained line; the next one if there is none
    uint64_t bytes_on_disk() const;    // of all segments
    size_t pending_bytes() const;      // of lines that are not on disk
    WriterStats stats() const;

 private:
    using Clock = std::chrono::steady_clock;

    static constexpr size_t group_bytes = 1 << 20;
    static constexpr std::chrono::milliseconds group_time{20};
    static constexpr std::chrono::seconds retry_time{1};
    static constexpr size_t max_kept_buffer_bytes = 2 * group_bytes;  // of an idle writer

    Writer(WriterOptions options, WriterEvents events, std::unique_ptr<SegmentStore> store);

    void run();
    std::optional<Clock::time_point> next_cycle_time() const;
    void commit_cycle();
    Result<void> commit();
    Result<void> enforce_bounds(uint64_t coming_bytes);
    std::string_view unwritten() const;
    bool needs_rotation() const;
    void drop_reached_rotations();
    std::string_view next_chunk(bool bounded, uint64_t& lines) const;
    void publish();
    void note_error(const Result<void>& result);
    void report(const std::string& text);

    const WriterOptions options_;
    const WriterEvents events_;

    // Used only by the commit thread.
    std::unique_ptr<SegmentStore> store_;
    std::string inflight_;               // being written; keeps lines that failed to be written
    size_t inflight_written_bytes_ = 0;  // of inflight_, on disk
    uint64_t inflight_lines_ = 0;        // of inflight_, not on disk
    std::string last_error_;             // first error of this cycle
    std::string reported_;

    mutable std::mutex mutex_;                // guards all members below
    std::condition_variable wake_;            // wakes the commit thread
    std::condition_variable synced_changed_;  // for wait_synced()
    std::string pending_;
    uint64_t pending_lines_ = 0;
    Clock::time_point pending_since_;  // when its first line came
    size_t buffered_bytes_ = 0;        // bytes in both buffers
    uint64_t next_sequence_;
    uint64_t synced_;
    uint64_t oldest_sequence_;
    uint64_t oldest_end_;  // of the oldest rotated segment; UINT64_MAX: none
    uint64_t bytes_on_disk_;
    WriterStats stats_;
    uint64_t remove_before_ = 0;
    std::deque<uint64_t> rotate_at_;  // lines that start a segment, in the order of the requests
    // for other work than writing lines; at first to enforce the bounds
    bool cycle_requested_ = true;
    bool stopping_ = false;
    bool lines_blocked_ = false;  // until the next retry
    std::optional<Clock::time_point> retry_at_;

    std::thread thread_;
};

}  // namespace vigil::journal
