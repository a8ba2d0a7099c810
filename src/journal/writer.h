// SPDX-License-Identifier: Apache-2.0
// Appends lines to a journal. Lines are taken into memory at once and made durable in groups by a
// thread of the writer's own.
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
    uint64_t segment_bytes = 64 << 20;  // the active one is rotated before it gets longer; with
                                        // total_bytes at most a quarter of that
    uint64_t total_bytes = 0;           // of all segments: the oldest go first; 0: no bound
    size_t max_rotated = 0;             // rotated segments kept; 0: no bound
    size_t pending_bytes = 16 << 20;    // not on disk yet: beyond, append() takes no more
    uint64_t first_sequence = 1;        // of a journal of which nothing is on disk
    bool new_segment = false;           // an active one with lines is rotated at open
    mode_t mode = 0640;                 // of new files, less the umask
    // Whether a line, with its end, is such as this writer appends: a file whose first line is not
    // is somebody else's, and is refused. None: every line is.
    std::function<bool(std::string_view line)> is_own_line;
};

// Called on the commit thread, without a lock held, until the destructor returns. They may call
// the writer, but must not destroy it or wait for it.
struct WriterEvents {
    // All lines up to this one are on disk.
    std::function<void(uint64_t sequence)> on_synced;
    // Lines that the bounds have cost.
    std::function<void(uint64_t first_sequence, uint64_t count)> on_removed;
    // What fails and where; said once until it changes; "" when all works again. No line is lost
    // by it: they wait in memory, and it is tried again each second.
    std::function<void(const std::string& text)> on_error;
};

struct WriterStats {
    uint64_t commits = 0;  // that made lines durable
    uint64_t bytes = 0;    // made durable
};

// Thread-safe.
class Writer {
 public:
    // Cuts off a torn last line and makes all that is there durable. Fails where another writer
    // has the journal open, in whatever process.
    static Result<std::unique_ptr<Writer>> open(WriterOptions options, WriterEvents events,
                                                FileSystem& file_system = real_file_system());
    // Tries once to commit what is pending.
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // One line with its '\n'; its sequence. Nothing where there is no room now; where nothing is
    // pending there always is.
    std::optional<uint64_t> append(std::string_view line) { return append(line, 1); }
    // `count` whole lines, all or none; the sequence of the first.
    std::optional<uint64_t> append(std::string_view lines, size_t count);

    // Rotated segments all of whose lines are before it will be deleted. No bounds: not told.
    void remove_before(uint64_t sequence);
    // The next line will begin a new segment.
    void rotate();
    // False where the line is not on disk after this time. A line that nobody has appended is
    // waited for too.
    bool wait_synced(uint64_t sequence, uint64_t timeout_ns);

    uint64_t next_sequence() const;    // what the next append() gets
    uint64_t synced() const;           // the last line on disk; next_sequence() - 1 after open()
    uint64_t oldest_sequence() const;  // the first line kept; the next one where none is
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

    // Of the commit thread alone.
    std::unique_ptr<SegmentStore> store_;
    std::string inflight_;               // what is being written; keeps what could not be
    size_t inflight_written_bytes_ = 0;  // of it, on disk
    uint64_t inflight_lines_ = 0;        // of it, not on disk
    std::string last_error_;             // the first one of this round
    std::string reported_;

    mutable std::mutex mutex_;                // of all below
    std::condition_variable wake_;            // the commit thread
    std::condition_variable synced_changed_;  // wait_synced()
    std::string pending_;
    uint64_t pending_lines_ = 0;
    Clock::time_point pending_since_;  // its first line
    size_t buffered_bytes_ = 0;        // bytes in both buffers
    uint64_t next_sequence_;
    uint64_t synced_;
    uint64_t oldest_sequence_;
    uint64_t oldest_end_;  // of the oldest rotated segment; UINT64_MAX: there is none
    uint64_t bytes_on_disk_;
    WriterStats stats_;
    uint64_t remove_before_ = 0;
    std::deque<uint64_t> rotate_at_;  // lines that begin a segment, as they were asked for
    bool cycle_requested_ = true;     // for more than lines to write; at first: for the bounds
    bool stopping_ = false;
    bool lines_blocked_ = false;  // for the next try
    std::optional<Clock::time_point> retry_at_;

    std::thread thread_;
};

}  // namespace vigil::journal
