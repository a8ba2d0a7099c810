// SPDX-License-Identifier: Apache-2.0
// The scheduler's clock against CLOCK_MONOTONIC. The hooks can read both, but the former only as it
// was at the last tick or switch of the CPU, so what a process has run since then takes the offset
// between the two. It drifts by as much as NTP slews (at most 0.5 ms a second).
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <optional>

#include "abi/control.h"
#include "base/fd.h"
#include "capture/decode.h"

namespace vigil::capture {

// To be used by one thread, that of the ring's reader.
class RunClock {
 public:
    // `program`: compare_clocks of bpf/account/clock.bpf.c; none: the offset stays unknown.
    explicit RunClock(Fd program) : program_(std::move(program)) {}

    // Measures the offset where that is a second ago; it leaves its result in `control`.
    void refresh(const volatile vigil_control& control);

    const std::optional<ClockOffset>& offset() const { return offset_; }

 private:
    Fd program_;
    std::optional<ClockOffset> offset_;
};

}  // namespace vigil::capture
