// SPDX-License-Identifier: Apache-2.0
// An agent's queue on disk: lines that wait until a server has acknowledged them.
//
// Each start begins a journal of its own, with a new UUID, in a new segment. So a spool that was
// not closed cleanly, was deleted or copied to another machine never gives two different lines the
// same name; what an earlier start has left keeps its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/spool_state.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "journal/reader.h"
#include "journal/segments.h"
#include "journal/writer.h"

namespace vigil::agent {

struct SpoolOptions {
    std::string directory;
    uint64_t total_bytes = 256 << 20;
    uint64_t segment_bytes = 8 << 20;
};

// Lines that are all of one journal, one after the other.
struct SpoolBatch {
    std::string journal;          // UUID
    uint64_t first_sequence = 0;  // of the first line, in that journal
    uint64_t count = 0;
    std::string lines;
};

class SpoolListener {
 public:
    virtual ~SpoolListener() = default;

    // More lines are durable. On a thread of the journal's.
    virtual void on_lines_durable() = 0;
};

// add(), enforce_retention() and the rest are for one thread (the monitor's), next() and
// acknowledge() for another one (the link's).
class Spool {
 public:
    static Result<std::unique_ptr<Spool>> open(const SpoolOptions& options);
    ~Spool();

    // Whom to call from now on; null: nobody. Returns once the one before is not called any more.
    // From any thread.
    void set_listener(SpoolListener* listener) EXCLUDES(listener_mutex_);

    // A line with its end. False where there is no room: the disk takes none, and memory is full.
    // What is dropped is counted, and told by report_loss().
    bool add(std::string_view line, int64_t unix_ns);

    // To be called about once a second: deletes what is acknowledged, and beyond the bound the
    // oldest of the rest.
    void enforce_retention();

    // What was lost since it was told last is told, once the state file says so and there is room:
    // `line_of` makes the line of it, with its end.
    void report_loss(const std::function<std::string(const SpoolLoss&)>& line_of);

    // What fails now; "": nothing.
    std::string last_error() const;

    // The line that was added last; whether that one and all before it are on the disk.
    uint64_t last_sequence() const { return writer_->next_sequence() - 1; }
    bool is_durable(uint64_t sequence) const { return writer_->synced() >= sequence; }

    // Waits until all is durable, or so long.
    void wait_durable(uint64_t timeout_ns);

    // --- For the link.

    // The next durable lines after `sequence` (of the whole spool; 0: after what is acknowledged),
    // of one journal; nothing if there are none yet. Lines that are
    // missing or damaged are left out, and told as lost.
    Result<std::optional<SpoolBatch>> next(uint64_t after, size_t max_bytes);

    // Where sending begins: the journal and the sequence of the first line that is not
    // acknowledged, also if it is not there yet.
    SpoolBatch begin() const;

    // All lines of that journal up to this one are safe.
    void acknowledge(std::string_view journal, uint64_t sequence);

    uint64_t acknowledged() const;
    uint64_t queued() const;  // lines that are not acknowledged
    uint64_t lost() const;    // lines since open()

 private:
    explicit Spool(const SpoolOptions& options);
    void begin_epoch(SpoolState state);
    Result<void> write_state();
    const SpoolEpoch& epoch_of(uint64_t sequence) const REQUIRES(mutex_);
    uint64_t end_of(const SpoolEpoch& epoch) const REQUIRES(mutex_);
    // `lines`: of them, those that are lost only now.
    void record_loss(const SpoolLoss& loss, uint64_t lines);
    SpoolLoss loss_of(uint64_t first, uint64_t end) const;
    void discard_until(uint64_t end);
    void remove_old();
    void record_missing(uint64_t first, uint64_t end);

    SpoolOptions options_;
    std::string written_state_;  // what the state's file says; empty: unknown

    mutable Mutex mutex_;
    SpoolState state_ GUARDED_BY(mutex_);  // its last run is ours
    // Up to this sequence a server has all that was not given up.
    uint64_t server_acknowledged_ GUARDED_BY(mutex_) = 0;
    uint64_t lost_ GUARDED_BY(mutex_) = 0;
    // What can't be read of the lines before it is counted.
    uint64_t missing_counted_until_ GUARDED_BY(mutex_) = 0;
    std::string last_error_ GUARDED_BY(mutex_);
    Mutex listener_mutex_;
    SpoolListener* listener_ GUARDED_BY(listener_mutex_) = nullptr;
    std::unique_ptr<journal::Reader> reader_;  // of the link's thread
    std::unique_ptr<journal::Writer> writer_;
};

}  // namespace vigil::agent
