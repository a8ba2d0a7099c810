// SPDX-License-Identifier: Apache-2.0
#include "format/exit_description.h"

#include <fmt/format.h>

#include <array>
#include <csignal>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "model/signals.h"
#include "model/wrappers.h"

namespace vigil::format {
namespace {

using model::Cause;
using model::SignalSource;

struct Reason {
    int signal;
    int code;  // si_code of sigaction(2); 0: any other
    std::string_view text;
};

// The first match is used.
constexpr std::array fault_reasons{
    Reason{SIGSEGV, SEGV_MAPERR, "it used an address at which it has no memory"},
    Reason{SIGSEGV, SEGV_ACCERR, "it used memory in a way that is forbidden there"},
    Reason{SIGSEGV, SI_KERNEL,
           "it used an address that no process can have, or its execve(2) failed after its old "
           "program was removed"},
    Reason{SIGSEGV, 0, "it used an address that it must not use"},
    Reason{SIGBUS, BUS_ADRALN, "it used an address that is not aligned"},
    Reason{SIGBUS, BUS_ADRERR,
           "it used memory beyond the end of a mapped file, or that was not available: a full "
           "tmpfs, no huge page left, an error of the disk"},
    Reason{SIGBUS, BUS_MCEERR_AR, "the machine's memory is faulty there"},
    Reason{SIGBUS, BUS_MCEERR_AO, "the machine's memory is faulty there"},
    Reason{SIGBUS, 0, "it used an address that the hardware refused"},
    Reason{SIGFPE, FPE_INTDIV, "it divided a whole number by zero, or the smallest one by -1"},
    Reason{SIGFPE, 0, "its arithmetic failed"},
    Reason{SIGILL, 0, "it executed an illegal instruction"},
    Reason{SIGTRAP, 0, "it reached a breakpoint, without a debugger"},
    Reason{SIGSYS, 0, "it made a system call that its seccomp filter forbids"},
    Reason{0, 0, "a fault of its own instruction"},
};
constexpr std::array kernel_reasons{
    Reason{SIGPIPE, 0, "it wrote to a pipe or socket that nobody reads"},
    Reason{SIGXFSZ, 0, "it wrote beyond its file size limit (ulimit -f)"},
    Reason{SIGXCPU, 0,
           "it reached its limit of CPU time (ulimit -t), or of real-time CPU time (ulimit -R)"},
    Reason{SIGIO, 0, "a descriptor was ready for which it had requested this signal (O_ASYNC)"},
    Reason{SIGHUP, 0,
           "its terminal was closed or the leader of its session ended, or it was stopped and the "
           "process above its group ended"},
    Reason{SIGKILL, 0,
           "it reached its hard limit of CPU time (ulimit -t, -R), or the init of its pid "
           "namespace or a tracer of it ended"},
    Reason{0, 0, "by the kernel, which states no reason"},
};
constexpr std::array timer_reasons{
    Reason{SIGALRM, 0, "its alarm went off, alarm(2) or setitimer(2)"},
    Reason{SIGVTALRM, 0, "its timer of CPU time went off, setitimer(2)"},
    Reason{SIGPROF, 0, "its timer of CPU time went off, setitimer(2)"},
    Reason{0, 0, "a timer of its own went off, timer_create(2)"},
};
constexpr std::array terminal_reasons{
    Reason{SIGINT, 0, "Ctrl-C at its terminal"},
    Reason{SIGQUIT, 0, "Ctrl-\\ at its terminal"},
    Reason{SIGHUP, 0, "its terminal hung up: closed, or the connection was lost"},
    Reason{0, 0, "by its terminal"},
};

template <size_t n>
std::string_view reason_in(const std::array<Reason, n>& reasons, int signal, int code) {
    for (const Reason& each : reasons) {
        if ((each.signal == signal || each.signal == 0) && (each.code == code || each.code == 0)) {
            return each.text;
        }
    }
    return {};
}

bool was_sent_by_itself(const query::DeathRecord& record) {
    return record.source == SignalSource::self ||
           (record.source == SignalSource::queue && record.killer.pid == record.pid);
}

int signal_of(const query::DeathRecord& record) {
    return record.signal.value_or(record.exit_signal.value_or(0));
}

template <class Fits>
bool is_called(const query::DeathRecord& record, Fits fits) {
    return fits(record.comm) || (record.executable && fits(*record.executable)) ||
           (!record.argv.empty() && fits(record.argv[0]));
}

// "its child sort (pid 9) was killed by the OOM killer"; "" where none is known.
std::string format_child(const query::DeathRecord& record) {
    const query::ChildDeath& child = record.child;
    if (!child.pid) {
        return "";
    }
    const std::string end = child.cause == Cause::oom ? "was killed by the OOM killer"
                            : child.signal
                                ? fmt::format("was killed by {}", model::signal_name(*child.signal))
                            : child.exit_code ? fmt::format("exited with code {}", *child.exit_code)
                                              : "ended";
    return fmt::format("its child {} (pid {}) {}", escape_terminal(child.comm), *child.pid, end);
}

// The meaning of exit codes of shells and wrappers; 0 and all others are up to the program.
std::string exit_reason(const query::DeathRecord& record, int code) {
    constexpr int signalled = 128;
    if (std::string child = format_child(record); !child.empty()) {
        return child;
    }
    const bool shell = is_called(record, model::is_shell);
    if (!shell && !is_called(record, model::is_wrapper)) {
        return "";
    }
    const std::string_view subject = shell ? "of a shell: a command" : "its command";
    if (code == 126) {
        return fmt::format("{} could not be run", subject);
    }
    if (code == 127) {
        return fmt::format("{} was not found", subject);
    }
    if (code > signalled && code <= signalled + SIGSYS) {
        return fmt::format("{} was ended by {}", subject, model::signal_name(code - signalled));
    }
    return "";
}

std::string_view signal_reason(const query::DeathRecord& record) {
    const int signal = signal_of(record);
    switch (record.source.value_or(SignalSource::unknown)) {
        case SignalSource::user:
        case SignalSource::queue:
            return record.killer.pid ? "" : "by a process, which one is not known";
        case SignalSource::self:
            return signal == SIGABRT ? "as abort(3) and failed assertions do" : "";
        case SignalSource::fault:
            if (record.near_stack) {
                return "it used an address at the end of its stack, which was probably full: a "
                       "recursion without end, or too large variables (ulimit -s)";
            }
            return reason_in(fault_reasons, signal, record.code.value_or(0));
        case SignalSource::kernel:
            if (signal == SIGKILL && !record.signal_unix_ns) {
                return "without a signal, as strict seccomp does at a system call that it forbids";
            }
            return reason_in(kernel_reasons, signal, 0);
        case SignalSource::timer:
            return reason_in(timer_reasons, signal, 0);
        case SignalSource::terminal:
            return reason_in(terminal_reasons, signal, 0);
        case SignalSource::parent_thread:
            return "the thread that had made it ended, though not that process, and it had "
                   "requested this signal for that (PR_SET_PDEATHSIG)";
        case SignalSource::tracer:
            return "its tracer gave it that signal, as a debugger does (ptrace)";
        case SignalSource::parent_death:
            return "its parent ended, and it had requested this signal for that (PR_SET_PDEATHSIG)";
        case SignalSource::oom:
        case SignalSource::unknown:
            break;
    }
    return "its sender is not known";
}

// "it caught it and ended itself 40 ms later"; "" where it did not.
std::string format_response(const query::DeathRecord& record) {
    if (!record.response_signal) {
        return "";
    }
    const int response = *record.response_signal;
    std::string text = "it caught it and ";
    if (response == SIGABRT && signal_of(record) != SIGABRT) {
        text += "aborted itself with SIGABRT";
    } else {
        text += "ended itself";
        if (response != signal_of(record)) {
            fmt::format_to(std::back_inserter(text), " with {}", model::signal_name(response));
        }
    }
    if (record.signal_unix_ns && record.response_unix_ns &&
        *record.signal_unix_ns <= *record.response_unix_ns) {
        const auto delay_ns = static_cast<uint64_t>(*record.response_unix_ns) -
                              static_cast<uint64_t>(*record.signal_unix_ns);
        text += delay_ns < ns_per_ms ? " at once" : ' ' + human_duration(delay_ns) + " later";
    }
    return text;
}

std::string core_remark(const query::DeathRecord& record) {
    const int signal = signal_of(record);
    if (record.exit_signal && *record.exit_signal != signal && !record.response_signal) {
        return fmt::format("{} came while it dumped its core",
                           model::signal_name(*record.exit_signal));
    }
    return record.core_dumped                                       ? "Its core was dumped"
           : model::dumps_core(record.exit_signal.value_or(signal)) ? "No core was dumped"
                                                                    : "";
}

}  // namespace

std::string fatal_signal(const query::DeathRecord& record) {
    const int signal = signal_of(record);
    return signal != 0 ? std::string(model::signal_name(signal)) : "a signal";
}

bool killed_by_process(const query::DeathRecord& record) {
    return record.killer.pid && !was_sent_by_itself(record);
}

ExitDescription describe_exit(const query::DeathRecord& record) {
    const Cause cause = record.cause.value_or(Cause::exit);
    if (cause == Cause::exit) {
        if (!record.exit_code) {
            return {"exited", "with an unknown code", ""};
        }
        const int code = *record.exit_code;
        return {fmt::format("exited with code {}{}", code, code == 0 ? " (success)" : ""),
                exit_reason(record, code), ""};
    }
    if (cause == Cause::oom) {
        const query::OutOfMemory& oom = record.oom;
        const bool known = oom.limit_bytes || oom.limit_cgroup;
        return {"was killed by the OOM killer",
                known                         ? "memory ran out within a limit"
                : oom.limited.value_or(false) ? "memory ran out within a limit that is not known"
                                              : "memory ran out",
                ""};
    }
    const std::string signal = fatal_signal(record);
    const bool self = was_sent_by_itself(record);
    std::string reason(signal_reason(record));
    if (const std::string child = format_child(record); !child.empty()) {
        reason += (reason.empty() ? "" : "; ") + child;
    }
    if (const std::string response = format_response(record); !response.empty()) {
        reason += (reason.empty() ? "" : "; ") + response;
    }
    const bool crashed = record.source == SignalSource::fault;
    return {record.response_signal && !crashed ? "was ended by " + signal
            : !self                            ? "was killed by " + signal
            : signal_of(record) == SIGABRT     ? "aborted itself with " + signal
                                               : "killed itself with " + signal,
            std::move(reason), core_remark(record)};
}

std::string summarize_exit(const query::DeathRecord& record) {
    switch (record.cause.value_or(Cause::exit)) {
        case Cause::exit:
            return record.exit_code ? fmt::format("exit {}", *record.exit_code) : "exit ?";
        case Cause::oom:
            return "OOM killer";
        case Cause::signal:
            break;
    }
    return fatal_signal(record) + (record.core_dumped ? " core" : "");
}

}  // namespace vigil::format
