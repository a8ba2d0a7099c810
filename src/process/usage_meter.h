// SPDX-License-Identifier: Apache-2.0
// Derives usage from counters: what a process used since its last measurement.
#pragma once

#include <cstdint>

#include "model/event.h"
#include "model/sample.h"
#include "process/process_entry.h"

namespace vigil::process {

// Sums over threads that are read at different times can seem to decrease: the larger value is
// kept.
void clamp_monotonic(const model::Counters& before, model::Counters& now);

// The totals in an exit event.
model::Counters final_counters(const model::Exit& exit);

class UsageMeter {
 public:
    // Processes that started at `begun_ns` (CLOCK_BOOTTIME) or later are new: all their usage
    // counts.
    UsageMeter(uint64_t interval_ns, uint64_t begun_ns)
        : interval_ns_(interval_ns), begun_ns_(begun_ns) {}

    // Sets counters, usage and their times; clamps `counters`. The first sample of an older process
    // gives no rates. The usage of a new one is measured over the whole interval, as if it had
    // exited.
    void apply_sample(ProcessEntry& entry, model::Counters& counters, uint64_t now_ns) const;

    // Usage of an exiting process over [from_ns, now_ns]. A lifetime of at most one interval is
    // measured as a whole, even if a sweep fell into it.
    struct FinalUsage {
        model::Usage usage;
        uint64_t from_ns = 0;
    };
    FinalUsage final_usage(const ProcessEntry& entry, const model::Exit& exit,
                           uint64_t now_ns) const;

    uint64_t begun_ns() const { return begun_ns_; }

 private:
    uint64_t interval_ns_;
    uint64_t begun_ns_;
};

}  // namespace vigil::process
