// SPDX-License-Identifier: Apache-2.0
// The offset between CLOCK_MONOTONIC and the scheduler's clock. Hooks read the latter only as of
// the last tick or switch of the CPU; with the offset, the CPU time since then can be computed. The
// offset drifts by the slew of NTP (at most 0.5 ms a second).
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <optional>

#include "abi/control.h"
#include "base/fd.h"
#include "capture/decode.h"

namespace vigil::capture {

// Used by one thread, that of the ring's reader.
class RunClock {
 public:
    // `program`: compare_clocks of bpf/account/clock.bpf.c. Without it the offset is unknown.
    explicit RunClock(Fd program) : program_(std::move(program)) {}

    // Measures the offset, at most once a second; the program returns its values in `control`.
    // After a failure the offset is unknown for good.
    void refresh(const volatile vigil_control& control);

    const std::optional<ClockOffset>& offset() const { return offset_; }

 private:
    Fd program_;
    std::optional<ClockOffset> offset_;
    uint64_t refreshed_ns_ = 0;  // own CLOCK_MONOTONIC, which a time namespace shifts
};

}  // namespace vigil::capture
