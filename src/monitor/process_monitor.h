// SPDX-License-Identifier: Apache-2.0
// Reads events and samples, applies them to the process table, and so calls the observers.
// Single-threaded.
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

// Time between two sweeps if no observer needs samples: these sweeps only find processes whose exit
// was lost.
constexpr uint64_t presence_interval_ns = 60 * ns_per_s;

class ProcessMonitor {
 public:
    // `reader`: source of events; must outlive the monitor. Null: no events, and processes that
    // live shorter than an interval are not seen.
    ProcessMonitor(sampling::Sampler sampler, capture::RingReader* reader, uint64_t interval_ns);
    ProcessMonitor(const ProcessMonitor&) = delete;
    ProcessMonitor& operator=(const ProcessMonitor&) = delete;

    // Sets the observers, called in this order. Observers read table(), so they are created after
    // the monitor; the monitor must not run after they are destroyed.
    void set_observers(process::ObserverList observers) {
        updater_.set_observers(std::move(observers));
    }

    // Loads the existing processes from /proc, if an observer needs their ancestry. Call it after
    // set_observers() and before the first tick or drain.
    void load_from_proc();

    // Call it each interval: a sweep, then the events until now, then the samples.
    Result<void> tick();

    // Reads events between two ticks; call it when the reader wakes. True if there were any.
    bool drain();

    // Each event wakes the reader, rather than a filling ring.
    void set_low_latency() { resting_state_ = VIGIL_READER_IDLE; }

    // The last call: reads the remaining events, then observers emit withheld reports.
    void finish();

    uint64_t interval_ns() const;
    // Time of a sweep that is due before the end of the interval; UINT64_MAX: none. If no observer
    // needs samples, two sweeps after a loss of exit events find the exited processes.
    uint64_t early_sweep_ns() const { return early_sweep_ns_; }

    const process::ProcessTable& table() const { return updater_.table(); }
    const process::UsageMeter& meter() const { return updater_.meter(); }
    capture::RingReader* reader() { return reader_; }
    const sampling::Sampler& sampler() const { return sampler_; }
    // Usage of this process itself in the last tick.
    const model::Usage& own_usage() const { return own_usage_; }

 private:
    bool read_events();
    void plan_early_sweep();

    sampling::Sampler sampler_;
    capture::RingReader* reader_;
    uint64_t interval_ns_;
    process::TableUpdater updater_;
    std::vector<model::Sample> samples_;
    uint32_t resting_state_ = VIGIL_READER_BATCHING;  // reader state between two calls
    uint32_t own_pid_;
    model::Usage own_usage_;
    uint64_t exits_lost_ns_ = 0;  // last loss for which sweeps are planned
    uint64_t early_sweep_ns_ = UINT64_MAX;
    int early_sweeps_ = 0;
};

}  // namespace vigil::monitor
