// SPDX-License-Identifier: Apache-2.0
#include "format/exit_description.h"

#include <fmt/format.h>

#include <array>
#include <csignal>
#include <string_view>

#include "base/units.h"
#include "model/signals.h"

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
    Reason{SIGSEGV, 0, "it used an address that it must not use"},
    Reason{SIGBUS, BUS_ADRALN, "it used an address that is not aligned"},
    Reason{SIGBUS, BUS_ADRERR, "it used memory beyond the end of a mapped file, or not there"},
    Reason{SIGBUS, BUS_MCEERR_AR, "the machine's memory is faulty there"},
    Reason{SIGBUS, BUS_MCEERR_AO, "the machine's memory is faulty there"},
    Reason{SIGBUS, 0, "it used an address that the hardware refused"},
    Reason{SIGFPE, FPE_INTDIV, "it divided a whole number by zero"},
    Reason{SIGFPE, 0, "its arithmetic failed"},
    Reason{SIGILL, 0, "it came to an illegal instruction"},
    Reason{SIGTRAP, 0, "it came to a breakpoint, and no debugger was there"},
    Reason{SIGSYS, 0, "it made a system call that its seccomp filter forbids"},
    Reason{0, 0, "a fault of its own instruction"},
};
constexpr std::array kernel_reasons{
    Reason{SIGPIPE, 0, "it wrote to a pipe or socket that nobody reads"},
    Reason{SIGXFSZ, 0, "it wrote beyond its file size limit (ulimit -f)"},
    Reason{SIGXCPU, 0, "it reached its CPU time limit (ulimit -t)"},
    Reason{0, 0, "by the kernel, for a reason that it does not tell"},
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

int signal_of(const query::DeathRecord& record) {
    return record.signal.value_or(record.exit_signal.value_or(0));
}

// The meaning of exit codes that shells define; 0 and all others are up to the program.
std::string exit_reason(int code) {
    constexpr int signalled = 128;
    if (code == 126) {
        return "of a shell: a command could not be run";
    }
    if (code == 127) {
        return "of a shell: a command was not found";
    }
    if (code > signalled && code <= signalled + SIGSYS) {
        return fmt::format("of a shell: a command was ended by {}",
                           model::signal_name(code - signalled));
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
            return reason_in(fault_reasons, signal, record.code.value_or(0));
        case SignalSource::kernel:
            return reason_in(kernel_reasons, signal, 0);
        case SignalSource::timer:
            return reason_in(timer_reasons, signal, 0);
        case SignalSource::terminal:
            return reason_in(terminal_reasons, signal, 0);
        case SignalSource::parent_death:
            return "its parent ended, and it had asked for this signal then (PR_SET_PDEATHSIG)";
        case SignalSource::oom:
        case SignalSource::unknown:
            break;
    }
    return "who or what sent it is not known";
}

std::string core_remark(const query::DeathRecord& record) {
    const int signal = signal_of(record);
    if (record.exit_signal && *record.exit_signal != signal) {
        return fmt::format("{} came while it dumped its core",
                           model::signal_name(*record.exit_signal));
    }
    return record.core_dumped          ? "Its core was dumped"
           : model::dumps_core(signal) ? "No core was dumped"
                                       : "";
}

}  // namespace

std::string fatal_signal(const query::DeathRecord& record) {
    const int signal = signal_of(record);
    return signal != 0 ? std::string(model::signal_name(signal)) : "a signal";
}

bool killed_by_process(const query::DeathRecord& record) {
    return record.killer.pid && record.source != SignalSource::self;
}

ExitDescription describe_exit(const query::DeathRecord& record) {
    const Cause cause = record.cause.value_or(Cause::exit);
    if (cause == Cause::exit) {
        if (!record.exit_code) {
            return {"exited", "with which code is not known", ""};
        }
        const int code = *record.exit_code;
        return {fmt::format("exited with code {}{}", code, code == 0 ? " (success)" : ""),
                exit_reason(code), ""};
    }
    if (cause == Cause::oom) {
        const bool limited = record.oom.limit_bytes || record.oom.limit_cgroup;
        return {"was killed by the OOM killer",
                limited ? "memory ran out within a limit" : "memory ran out", ""};
    }
    const std::string signal = fatal_signal(record);
    const bool self = record.source == SignalSource::self;
    return {!self                          ? "was killed by " + signal
            : signal_of(record) == SIGABRT ? "aborted itself with " + signal
                                           : "killed itself with " + signal,
            std::string(signal_reason(record)), core_remark(record)};
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
