// SPDX-License-Identifier: Apache-2.0
// The origin of a signal. The kernel does not report it directly; it follows from the kind of
// siginfo that was passed, from si_code and from the current task when the signal was sent.
#pragma once

#include <cstdint>
#include <string_view>

namespace vigil::model {

enum class SignalSource : uint8_t {
    user,           // a process, by kill(2), similar calls or cgroup.kill
    queue,          // a process, by sigqueue(3)
    timer,          // alarm(2), setitimer(2), timer_create(2)
    fault,          // the target's own instruction: bad address, division by zero, seccomp
    oom,            // the OOM killer
    terminal,       // a key, a hang-up, or a background process that accessed the terminal
    parent_death,   // prctl(PR_SET_PDEATHSIG)
    parent_thread,  // the same, but only the thread ended that made the target
    tracer,         // the target's tracer, by ptrace(2); of deaths only
    self,           // the target, by raise(3), abort(3) or kill(2)
    kernel,         // the kernel, for an unknown reason
    unknown
};

std::string_view to_string(SignalSource source);

// True if the current task of the record is the sender (for parent_death and parent_thread: the
// parent).
bool has_sender(SignalSource source);

// Data that the kernel side records about a signal; see abi/records.h.
struct SignalContext {
    int number = 0;
    int code = 0;
    uint16_t origin = 0;
    uint32_t flags = 0;
    uint32_t target_pid = 0;
    bool oom_follows = false;  // the OOM killer named this process directly afterwards
};

// Rules from kernel/signal.c (6.18) and the callers of send_signal_locked(). Anything else stays
// kernel or unknown: a guess would name the wrong killer.
SignalSource signal_source(const SignalContext& context);

}  // namespace vigil::model
