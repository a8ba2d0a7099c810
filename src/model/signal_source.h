// SPDX-License-Identifier: Apache-2.0
// Who or what made a signal. The kernel does not say it outright; it follows from what stood in
// the place of the siginfo, from si_code and from the task on whose back the signal was made.
#pragma once

#include <cstdint>
#include <string_view>

namespace vigil::model {

enum class SignalSource : uint8_t {
    user,          // a process, by kill(2) and its kin or cgroup.kill
    queue,         // a process, by sigqueue(3)
    timer,         // alarm(2), setitimer(2), timer_create(2)
    fault,         // the target's own instruction: bad address, division by zero, seccomp
    oom,           // the OOM killer
    terminal,      // a key, a hang-up, or a background process that touched the terminal
    parent_death,  // prctl(PR_SET_PDEATHSIG)
    self,          // the target, by raise(3), abort(3) or kill(2)
    kernel,        // the kernel, for a reason that it does not tell
    unknown
};

std::string_view to_string(SignalSource source);

// True where the current task of the record is the sender (for parent_death: the parent).
bool has_sender(SignalSource source);

// What the kernel side records about a signal; see abi/records.h.
struct SignalContext {
    int number = 0;
    int code = 0;
    uint16_t origin = 0;
    uint32_t flags = 0;
    uint32_t target_pid = 0;
    bool oom_follows = false;  // the OOM killer named this process right after
};

// Rules from kernel/signal.c (6.18) and the callers of send_signal_locked(). What fits no rule
// stays kernel or unknown: a guess would name the wrong killer.
SignalSource signal_source(const SignalContext& context);

}  // namespace vigil::model
