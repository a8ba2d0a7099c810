// SPDX-License-Identifier: Apache-2.0
#include "capture/run_clock.h"

#include <bpf/bpf.h>

#include <ctime>

#include "base/clock.h"

namespace vigil::capture {
namespace {

constexpr uint64_t refresh_interval_ns = ns_per_s;
// A delay between the readings makes the offset seem larger, so the smallest one is used.
constexpr int attempts = 5;

uint64_t read_clock(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * ns_per_s + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

void RunClock::refresh(const volatile vigil_control& control) {
    const uint64_t now_ns = read_clock(CLOCK_MONOTONIC);
    if (!program_ || (offset_ && now_ns - refreshed_ns_ < refresh_interval_ns)) {
        return;
    }
    refreshed_ns_ = now_ns;
    std::optional<ClockOffset> least;
    for (int i = 0; i < attempts; i++) {
        read_clock(CLOCK_THREAD_CPUTIME_ID);  // updates this CPU's run queue
        LIBBPF_OPTS(bpf_test_run_opts, options);
        if (::bpf_prog_test_run_opts(program_.get(), &options) != 0 ||
            control.compared_clock_ns == 0) {
            program_.reset();  // not possible on this kernel, or with these privileges
            offset_.reset();
            return;
        }
        const ClockOffset offset{.compared_ns = control.compared_monotonic_ns,
                                 .monotonic_minus_clock_ns = static_cast<int64_t>(
                                     control.compared_monotonic_ns - control.compared_clock_ns)};
        if (!least || offset.monotonic_minus_clock_ns < least->monotonic_minus_clock_ns) {
            least = offset;
        }
    }
    offset_ = least;
}

}  // namespace vigil::capture
