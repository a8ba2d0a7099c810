// SPDX-License-Identifier: Apache-2.0
// All processes of one sweep, and the processes that exited since the previous one: immutable, so
// other threads read it without a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/thread_annotations.h"
#include "model/process_view.h"
#include "model/sample.h"
#include "process/process_observer.h"
#include "process/process_table.h"

namespace vigil::process {

struct SnapshotEntry : model::ProcessView {
    uint32_t threads = 0;
    uint64_t measured_ns = 0;  // 0: not yet
    model::Counters counters;  // totals
    model::Usage usage;        // since the previous sample
};

struct SnapshotExit : model::ProcessView {
    uint64_t ended_ns = 0;  // CLOCK_BOOTTIME
    model::Exit exit;
    model::Usage usage;  // since its last sample
};

struct TickSnapshot {
    Tick tick;
    std::vector<SnapshotEntry> living;  // in no particular order
    std::vector<SnapshotExit> ended;    // in the order of their exits
    uint64_t ended_not_listed = 0;      // number of exits beyond SnapshotPublisher::max_ended
};
using SnapshotPtr = std::shared_ptr<const TickSnapshot>;

// Creates a snapshot each tick while wanted; costs nothing otherwise.
class SnapshotPublisher final : public ProcessObserver {
 public:
    static constexpr size_t max_ended = 16'384;

    explicit SnapshotPublisher(const ProcessTable& table) : table_(&table) {}

    // From any thread. Exits before the first call with true are not in the snapshots.
    void set_wanted(bool wanted) { wanted_ = wanted; }
    SnapshotPtr latest() const EXCLUDES(mutex_);  // null: none yet

    Needs needs() const override { return {.samples = true}; }
    void on_exit(const ProcessExit& exit) override;
    void on_tick(const Tick& tick) override;

 private:
    void publish(SnapshotPtr snapshot) EXCLUDES(mutex_);

    const ProcessTable* table_;
    std::atomic<bool> wanted_ = false;
    std::vector<SnapshotExit> ended_;  // since the last tick
    uint64_t ended_not_listed_ = 0;
    mutable Mutex mutex_;
    SnapshotPtr latest_ GUARDED_BY(mutex_);
};

}  // namespace vigil::process
