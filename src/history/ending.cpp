// SPDX-License-Identifier: Apache-2.0
#include "history/ending.h"

#include <fmt/format.h>

#include <array>
#include <csignal>
#include <string_view>

#include "base/units.h"
#include "model/signals.h"

namespace vigil::history {
namespace {

using model::Cause;
using model::SignalSource;

struct Reason {
    int signal;
    int code;  // si_code of sigaction(2); 0: any other
    std::string_view text;
};

// The first one that fits.
constexpr std::array fault_reasons{
    Reason{SIGSEGV, SEGV_MAPERR, "it used an address at which it has no memory"},
    Reason{SIGSEGV, SEGV_ACCERR, "it used memory in a way that is forbidden there"},
    Reason{SIGSEGV, 0, "it used an address that it must not use"},
    Reason{SIGBUS, BUS_ADRALN, "it used an address that is not aligned"},
    Reason{SIGBUS, BUS_ADRERR, "it used memory behind the end of a mapped file, or not there"},
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

int signal_of(const Certificate& certificate) {
    return certificate.signal.value_or(certificate.exit_signal.value_or(0));
}

// What shells mean by some codes; 0 and the others are up to the program.
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

std::string_view signal_reason(const Certificate& certificate) {
    const int signal = signal_of(certificate);
    switch (certificate.source.value_or(SignalSource::unknown)) {
        case SignalSource::user:
        case SignalSource::queue:
            return certificate.killer.pid ? "" : "by a process, which one is not known";
        case SignalSource::self:
            return signal == SIGABRT ? "as abort(3) and failed assertions do" : "";
        case SignalSource::fault:
            return reason_in(fault_reasons, signal, certificate.code.value_or(0));
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

std::string core_remark(const Certificate& certificate) {
    const int signal = signal_of(certificate);
    if (certificate.exit_signal && *certificate.exit_signal != signal) {
        return fmt::format("{} came while it dumped its core",
                           model::signal_name(*certificate.exit_signal));
    }
    return certificate.core_dumped     ? "Its core was dumped"
           : model::dumps_core(signal) ? "No core was dumped"
                                       : "";
}

}  // namespace

std::string deadly_signal(const Certificate& certificate) {
    const int signal = signal_of(certificate);
    return signal != 0 ? std::string(model::signal_name(signal)) : "a signal";
}

bool was_sent(const Certificate& certificate) {
    return certificate.killer.pid && certificate.source != SignalSource::self;
}

Ending ending_of(const Certificate& certificate) {
    const Cause cause = certificate.cause.value_or(Cause::exit);
    if (cause == Cause::exit) {
        if (!certificate.exit_code) {
            return {"exited", "with which code is not known", ""};
        }
        const int code = *certificate.exit_code;
        return {fmt::format("exited with code {}{}", code, code == 0 ? " (success)" : ""),
                exit_reason(code), ""};
    }
    if (cause == Cause::oom) {
        const bool limited = certificate.oom.limit_bytes || certificate.oom.limit_cgroup;
        return {"was killed by the OOM killer",
                limited ? "memory ran out within a limit" : "memory ran out", ""};
    }
    const std::string signal = deadly_signal(certificate);
    const bool self = certificate.source == SignalSource::self;
    return {!self                               ? "was killed by " + signal
            : signal_of(certificate) == SIGABRT ? "aborted itself with " + signal
                                                : "killed itself with " + signal,
            std::string(signal_reason(certificate)), core_remark(certificate)};
}

std::string short_ending(const Certificate& certificate) {
    switch (certificate.cause.value_or(Cause::exit)) {
        case Cause::exit:
            return certificate.exit_code ? fmt::format("exit {}", *certificate.exit_code)
                                         : "exit ?";
        case Cause::oom:
            return "OOM killer";
        case Cause::signal:
            break;
    }
    return deadly_signal(certificate) + (certificate.core_dumped ? " core" : "");
}

}  // namespace vigil::history
