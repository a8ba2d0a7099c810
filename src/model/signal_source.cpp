// SPDX-License-Identifier: Apache-2.0
#include "model/signal_source.h"

#include <linux/types.h>

#include <csignal>

#include "abi/records.h"

namespace vigil::model {
namespace {

// Missing from some C libraries' headers.
constexpr int code_tkill = -6;

// SEND_SIG_PRIV: sent by the kernel itself.
SignalSource from_kernel(const SignalContext& context) {
    switch (context.number) {
        case SIGKILL:
            return context.oom_follows ? SignalSource::oom : SignalSource::kernel;
        case SIGALRM:  // it_real_fn()
        case SIGVTALRM:
        case SIGPROF:  // check_cpu_itimer()
            return SignalSource::timer;
        case SIGTTIN:
        case SIGTTOU:
        case SIGWINCH:  // in this way only drivers/tty sends them
            return SignalSource::terminal;
        case SIGINT:  // also Ctrl-Alt-Del, but that goes to init
        case SIGQUIT:
        case SIGTSTP:
            return context.target_pid == 1 ? SignalSource::kernel : SignalSource::terminal;
        case SIGHUP:  // from a task that exits also for an orphaned process group (exit.c)
            return (context.flags & VIGIL_CONTEXT_EXITING) == 0 ? SignalSource::terminal
                                                                : SignalSource::kernel;
        default:
            return SignalSource::kernel;
    }
}

// SEND_SIG_NOINFO: kernel code on behalf of the current task.
SignalSource from_kernel_for_task(const SignalContext& context) {
    const bool self = (context.flags & VIGIL_CONTEXT_SELF) != 0;
    const bool exiting = (context.flags & VIGIL_CONTEXT_EXITING) != 0;
    if (exiting && !self && (context.flags & VIGIL_CONTEXT_PARENT_DEATH) != 0) {
        return (context.flags & VIGIL_CONTEXT_THREAD_EXIT) != 0  // reparent_leader()
                   ? SignalSource::parent_thread
                   : SignalSource::parent_death;
    }
    // A process wrote to cgroup.kill: __cgroup_kill() sends in the context of that process.
    if (context.number == SIGKILL && !self && !exiting &&
        (context.flags & VIGIL_CONTEXT_KERNEL) == 0) {
        return SignalSource::user;
    }
    return SignalSource::kernel;  // SIGPIPE, SIGXFSZ and similar
}

bool is_fault(int number) {
    switch (number) {
        case SIGILL:
        case SIGTRAP:
        case SIGBUS:
        case SIGFPE:
        case SIGSEGV:
        case SIGSYS:
            return true;
        default:
            return false;
    }
}

SignalSource from_info(const SignalContext& context) {
    const bool self = (context.flags & VIGIL_CONTEXT_SELF) != 0;
    const bool kernel_thread = (context.flags & VIGIL_CONTEXT_KERNEL) != 0;
    const bool own_siginfo = (context.flags & VIGIL_CONTEXT_OWN_SIGINFO) != 0;
    switch (context.code) {
        case SI_USER:
        case code_tkill:
            if (kernel_thread) {
                return SignalSource::kernel;
            }
            return self ? SignalSource::self : SignalSource::user;
        case SI_QUEUE:
            return SignalSource::queue;
        case SI_TIMER:  // or one that chose this code: a timer's siginfo is part of the timer
            return own_siginfo && !kernel_thread ? SignalSource::queue : SignalSource::timer;
        case SI_MESGQ:  // the process whose message came, or one that chose this code
        case SI_ASYNCIO:
        case SI_SIGIO:
            return kernel_thread ? SignalSource::kernel : SignalSource::queue;
        default:
            break;
    }
    // force_sig() sends faults and SIGKILL only; to itself a process may choose this code too.
    if (context.code == SI_KERNEL && self && own_siginfo && !is_fault(context.number) &&
        context.number != SIGKILL) {
        return SignalSource::queue;
    }
    if (context.code < 0) {  // rt_sigqueueinfo(2) lets the sender choose it
        return kernel_thread ? SignalSource::unknown : SignalSource::queue;
    }
    return is_fault(context.number) && self ? SignalSource::fault : SignalSource::kernel;
}

}  // namespace

std::string_view to_string(SignalSource source) {
    switch (source) {
        case SignalSource::user:
            return "user";
        case SignalSource::queue:
            return "queue";
        case SignalSource::timer:
            return "timer";
        case SignalSource::fault:
            return "fault";
        case SignalSource::oom:
            return "oom";
        case SignalSource::terminal:
            return "terminal";
        case SignalSource::parent_death:
            return "parent_death";
        case SignalSource::parent_thread:
            return "parent_thread";
        case SignalSource::tracer:
            return "tracer";
        case SignalSource::self:
            return "self";
        case SignalSource::kernel:
            return "kernel";
        case SignalSource::unknown:
            break;
    }
    return "unknown";
}

bool has_sender(SignalSource source) {
    return source == SignalSource::user || source == SignalSource::queue ||
           source == SignalSource::self || source == SignalSource::parent_death ||
           source == SignalSource::parent_thread;
}

SignalSource signal_source(const SignalContext& context) {
    switch (context.origin) {
        case VIGIL_ORIGIN_PRIV:
            return from_kernel(context);
        case VIGIL_ORIGIN_NOINFO:
            return from_kernel_for_task(context);
        case VIGIL_ORIGIN_INFO:
            return from_info(context);
        default:
            return SignalSource::unknown;
    }
}

}  // namespace vigil::model
