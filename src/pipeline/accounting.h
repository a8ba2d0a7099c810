// SPDX-License-Identifier: Apache-2.0
// The balance at the end of a run: what became of every event that the kernel side counted.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "capture/ring_reader.h"
#include "model/event.h"
#include "output/buffered_output.h"

namespace vigil::pipeline {

struct EventTotals {
    uint64_t seen = 0;
    uint64_t filtered = 0;  // in the kernel and in user space
    uint64_t delivered = 0;
    uint64_t dropped = 0;      // the ring was full
    uint64_t undelivered = 0;  // read, but not written: closed pipe, -n
};

struct RunTotals {
    std::array<EventTotals, model::kernel_kind_count> kinds;
    uint64_t max_missed = 0;  // upper bound of events that were not seen: see capture/hooks.h
    uint64_t tree_overflow = 0;
    uint64_t uncounted_calls = 0;  // see capture/tracer.h
};

// True if seen = filtered + delivered + dropped + undelivered for every kind.
bool is_balanced(const RunTotals& run_totals);

// A line for standard error that explains events that were not seen.
std::string missed_text(uint64_t max_missed);

// Lines for standard error: one per kind that is in `wanted` or was dropped (some kinds are traced
// only to explain others), then explanations.
std::string to_text(const RunTotals& run_totals, model::KindSet wanted);

}  // namespace vigil::pipeline
