// SPDX-License-Identifier: Apache-2.0
// Drives the sources of events and samples into the process table, and so into the observers.
//
//   reader (forks, execs, exits, ...) ─┐
//                                      ├─► process table ─► observers, in the order of their list
//   sampler (each interval) ───────────┘
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "capture/ring_reader.h"
#include "process/table_updater.h"
#include "sampling/sampler.h"

namespace vigil::monitor {

// Between two sweeps where nobody needs samples: they only find processes whose exit was lost.
constexpr uint64_t presence_interval_ns = 60 * ns_per_s;

class ProcessMonitor {
 public:
    // `reader`: where events come from; must outlive the monitor. Null: none come, and processes
    // that live shorter than an interval are not seen.
    ProcessMonitor(sampling::Sampler sampler, capture::RingReader* reader, uint64_t interval_ns);
    ProcessMonitor(const ProcessMonitor&) = delete;
    ProcessMonitor& operator=(const ProcessMonitor&) = delete;

    // Whom to call, in this order. Observers read table(), so they are made after the monitor and
    // must not be called after they are gone.
    void set_observers(process::ObserverList observers) {
        updater_.set_observers(std::move(observers));
    }

    // Reads from /proc which processes are there already, where an observer needs their ancestry.
    // To be called after set_observers() and before the first tick or drain.
    void load_from_proc();

    // To be called each interval: a sweep, then the events until now, then the samples.
    Result<void> tick();

    // Reads events in between; to be called when the reader is woken. Whether there were any.
    bool drain();

    // Events wake the reader one by one, not when the ring fills.
    void set_low_latency() { resting_state_ = VIGIL_READER_IDLE; }

    // The last call: reads what is left, then observers emit what they have withheld.
    void finish();

    uint64_t interval_ns() const;
    // When a sweep is due before the interval is over; UINT64_MAX: none is. Where nobody needs
    // samples, two sweeps after a loss of exit events find the processes that are gone.
    uint64_t early_sweep_ns() const { return early_sweep_ns_; }

    const process::ProcessTable& table() const { return updater_.table(); }
    const process::UsageMeter& meter() const { return updater_.meter(); }
    capture::RingReader* reader() { return reader_; }
    const sampling::Sampler& sampler() const { return sampler_; }
    // What this process itself used in the last tick; by model::Metric.
    const model::Usage& own_usage() const { return own_usage_; }

 private:
    bool read_events();
    void plan_early_sweep();

    sampling::Sampler sampler_;
    capture::RingReader* reader_;
    uint64_t interval_ns_;
    process::TableUpdater updater_;
    std::vector<model::Sample> samples_;
    uint32_t resting_state_ = VIGIL_READER_BATCHING;  // of the reader, between two calls
    uint32_t own_pid_;
    model::Usage own_usage_;
    uint64_t exits_lost_ns_ = 0;  // as far as sweeps are planned for it
    uint64_t early_sweep_ns_ = UINT64_MAX;
    int early_sweeps_ = 0;
};

}  // namespace vigil::monitor
