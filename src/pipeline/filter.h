// SPDX-License-Identifier: Apache-2.0
// The events that a user wants to see. The kernel side applies the same conditions as far as it
// can. This filter applies all of them, for what only user space knows: the final name of a fork,
// the true sender of a signal, and readers of a ring that others filter differently.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/event.h"
#include "model/signals.h"
#include "pipeline/name_tracker.h"

namespace vigil::pipeline {

// A process by its pid and start time. /proc has start times in clock ticks, so `start_ns` is the
// beginning of one. By default: any process with this pid.
struct WantedProcess {
    uint32_t pid = 0;
    uint64_t start_ns = 0;
    uint64_t tick_ns = UINT64_MAX;

    bool is(uint32_t other_pid, uint64_t other_start_ns) const {
        return pid == other_pid && other_start_ns - start_ns < tick_ns;
    }
    bool operator==(const WantedProcess&) const = default;
};

// All conditions must hold. An empty condition accepts everything.
struct Filter {
    model::KindSet kinds = ~model::KindSet{0};
    model::SignalSet signals = model::all_signals;
    std::optional<WantedProcess> pid;  // either side: parent or child, sender or target
    std::optional<WantedProcess> sender;
    // Of a failed kill the pid alone counts: there may be no such process.
    std::optional<WantedProcess> target;
    std::optional<uint32_t> uid;      // either side of a signal
    std::optional<std::string> comm;  // either side of a signal; compared to 15 bytes
    std::optional<std::string> name;  // either side of a signal; a pattern: see NameTracker
    bool sent_only = false;  // only signals that a process sent, by kill(2) and similar calls
};

// A loss always passes: a wanted event may be among the lost ones.
// Without `names` the filter's name is compared with comms alone.
bool passes(const Filter& filter, const model::Event& event, NameTracker* names = nullptr);

}  // namespace vigil::pipeline
