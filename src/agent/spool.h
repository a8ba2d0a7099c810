// SPDX-License-Identifier: Apache-2.0
// An agent's queue on disk: lines stay in it until a server has acknowledged them.
//
// Each start begins a new journal, with a new UUID, in a new segment. So a spool that was not
// closed cleanly, was deleted or was copied to another machine never gives two different lines the
// same id; lines of an earlier start keep their journal id.
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

// Consecutive lines of one journal.
struct SpoolBatch {
    std::string journal;          // UUID
    uint64_t first_sequence = 0;  // of the first line, in that journal
    uint64_t count = 0;
    std::string lines;
};

class SpoolListener {
 public:
    virtual ~SpoolListener() = default;

    // More lines are durable. Called on the journal's thread.
    virtual void on_lines_durable() = 0;
};

// add(), enforce_retention() and the rest belong to one thread (the monitor's), next() and
// acknowledge() to another (the client's).
class Spool {
 public:
    static Result<std::unique_ptr<Spool>> open(const SpoolOptions& options);
    ~Spool();

    // Sets the listener; null: none. Returns once the previous listener is no longer being called.
    // From any thread.
    void set_listener(SpoolListener* listener) EXCLUDES(listener_mutex_);

    // Adds a line with its line end. False if it is dropped: the disk accepts no data and the
    // buffer is full. Dropped lines are counted and reported by report_loss().
    bool add(std::string_view line, int64_t unix_ns);

    // Call it about once a second: deletes acknowledged lines and, beyond the size limit, the
    // oldest of the rest.
    void enforce_retention();

    // Reports losses since the last report, once the state file contains them and the line fits:
    // `line_of` builds the line, with its line end.
    void report_loss(const std::function<std::string(const SpoolLoss&)>& line_of);

    // The current error; "": none.
    std::string last_error() const;

    // Sequence of the last added line; whether a line and all before it are durable.
    uint64_t last_sequence() const { return writer_->next_sequence() - 1; }
    bool is_durable(uint64_t sequence) const { return writer_->synced() >= sequence; }

    // Waits until all lines are durable, at most for the timeout.
    void wait_durable(uint64_t timeout_ns);

    // --- For the server client's thread.

    // The next durable lines of one journal after sequence `after` (of the whole spool; 0: after
    // the acknowledged ones); empty if there are none yet. Missing or damaged lines are skipped and
    // counted as lost.
    Result<std::optional<SpoolBatch>> next(uint64_t after, size_t max_bytes);

    // Where sending begins: the journal and sequence of the first unacknowledged line, even if it
    // does not exist yet.
    SpoolBatch begin() const;

    // The server has acknowledged all lines of that journal up to this one.
    void acknowledge(std::string_view journal, uint64_t sequence);

    uint64_t acknowledged() const;
    uint64_t queued() const;  // unacknowledged lines
    uint64_t lost() const;    // lost lines since open()

 private:
    explicit Spool(const SpoolOptions& options);
    void begin_epoch(SpoolState state);
    Result<void> write_state();
    const SpoolEpoch& epoch_of(uint64_t sequence) const REQUIRES(mutex_);
    uint64_t end_of(const SpoolEpoch& epoch) const REQUIRES(mutex_);
    // `lines`: the part of the loss that is new.
    void record_loss(const SpoolLoss& loss, uint64_t lines);
    SpoolLoss loss_of(uint64_t first, uint64_t end) const;
    void discard_until(uint64_t end);
    void remove_old();
    void record_missing(uint64_t first, uint64_t end);

    SpoolOptions options_;
    std::string written_state_;  // content of the state file; empty: unknown

    mutable Mutex mutex_;
    SpoolState state_ GUARDED_BY(mutex_);  // its last epoch is that of this run
    // Up to this sequence the server has all lines that were not discarded.
    uint64_t server_acknowledged_ GUARDED_BY(mutex_) = 0;
    uint64_t lost_ GUARDED_BY(mutex_) = 0;
    // Unreadable lines before it have been counted.
    uint64_t missing_counted_until_ GUARDED_BY(mutex_) = 0;
    std::string last_error_ GUARDED_BY(mutex_);
    Mutex listener_mutex_;
    SpoolListener* listener_ GUARDED_BY(listener_mutex_) = nullptr;
    std::unique_ptr<journal::Reader> reader_;  // used on the server client's thread
    std::unique_ptr<journal::Writer> writer_;
};

}  // namespace vigil::agent
