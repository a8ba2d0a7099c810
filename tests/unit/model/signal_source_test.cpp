// SPDX-License-Identifier: Apache-2.0
#include "model/signal_source.h"

#include <gtest/gtest.h>
#include <linux/types.h>

#include <csignal>
#include <ostream>

#include "abi/records.h"

namespace vigil::model {

void PrintTo(SignalSource source, std::ostream* out) { *out << to_string(source); }

namespace {

constexpr uint16_t info = VIGIL_ORIGIN_INFO;
constexpr uint16_t noinfo = VIGIL_ORIGIN_NOINFO;
constexpr uint16_t priv = VIGIL_ORIGIN_PRIV;
constexpr uint32_t own = VIGIL_CONTEXT_SELF;
constexpr uint32_t exiting = VIGIL_CONTEXT_EXITING;
constexpr uint32_t kthread = VIGIL_CONTEXT_KERNEL;
constexpr uint32_t pdeath = VIGIL_CONTEXT_PARENT_DEATH;
constexpr uint32_t group = VIGIL_CONTEXT_GROUP;
constexpr uint32_t own_siginfo = VIGIL_CONTEXT_OWN_SIGINFO;
constexpr uint32_t thread_exit = VIGIL_CONTEXT_THREAD_EXIT;
constexpr int si_tkill = -6;
constexpr int si_kernel = 128;

struct Case {
    const char* name;
    SignalContext context;
    SignalSource source;
};

SignalContext context(int number, int code, uint16_t origin, uint32_t flags, uint32_t pid = 100) {
    return {.number = number, .code = code, .origin = origin, .flags = flags, .target_pid = pid};
}

SignalContext killed_for_memory(bool oom_follows) {
    SignalContext result = context(SIGKILL, 0, priv, group);
    result.oom_follows = oom_follows;
    return result;
}

using enum SignalSource;

const Case cases[] = {
    // From the kernel itself: SEND_SIG_PRIV.
    {"the OOM killer", killed_for_memory(true), oom},
    {"a kill without an OOM record", killed_for_memory(false), kernel},
    {"alarm", context(SIGALRM, 0, priv, kthread), timer},
    {"setitimer, user time", context(SIGVTALRM, 0, priv, own), timer},
    {"setitimer, CPU time", context(SIGPROF, 0, priv, own), timer},
    {"Ctrl-C", context(SIGINT, 0, priv, kthread), terminal},
    {"Ctrl-backslash", context(SIGQUIT, 0, priv, kthread), terminal},
    {"Ctrl-Z", context(SIGTSTP, 0, priv, kthread), terminal},
    {"Ctrl-Alt-Del", context(SIGINT, 0, priv, kthread, 1), kernel},
    {"SIGQUIT to init", context(SIGQUIT, 0, priv, 0, 1), kernel},
    {"background read", context(SIGTTIN, 0, priv, own), terminal},
    {"background write", context(SIGTTOU, 0, priv, own), terminal},
    {"window size", context(SIGWINCH, 0, priv, 0), terminal},
    {"hang-up of a terminal", context(SIGHUP, 0, priv, kthread), terminal},
    {"a terminal whose other side was closed", context(SIGHUP, 0, priv, 0), terminal},
    {"orphaned process group", context(SIGHUP, 0, priv, exiting), kernel},
    {"continue of an orphaned group", context(SIGCONT, 0, priv, exiting), kernel},
    {"CPU limit", context(SIGXCPU, 0, priv, own), kernel},
    {"any other", context(SIGUSR1, 0, priv, 0), kernel},

    // On behalf of the current task: SEND_SIG_NOINFO.
    {"parent death", context(SIGTERM, 0, noinfo, exiting | pdeath), parent_death},
    {"parent death by SIGKILL", context(SIGKILL, 0, noinfo, exiting | pdeath), parent_death},
    {"end of the parent's thread", context(SIGTERM, 0, noinfo, exiting | pdeath | thread_exit),
     parent_thread},
    {"the number alone is no parent death", context(SIGTERM, 0, noinfo, pdeath), kernel},
    {"an exiting task alone is none", context(SIGTERM, 0, noinfo, exiting), kernel},
    {"nor is one's own end", context(SIGTERM, 0, noinfo, exiting | pdeath | own), kernel},
    {"cgroup.kill", context(SIGKILL, 0, noinfo, group), user},
    {"a kernel thread kills", context(SIGKILL, 0, noinfo, kthread), kernel},
    {"exec kills its own threads", context(SIGKILL, 0, noinfo, own), kernel},
    {"broken pipe", context(SIGPIPE, 0, noinfo, own), kernel},
    {"file size limit", context(SIGXFSZ, 0, noinfo, own), kernel},

    // With a siginfo, from a process.
    {"kill", context(SIGTERM, SI_USER, info, group), user},
    {"kill of itself", context(SIGTERM, SI_USER, info, group | own), SignalSource::self},
    {"tgkill", context(SIGTERM, si_tkill, info, 0), user},
    {"raise", context(SIGABRT, si_tkill, info, own), SignalSource::self},
    {"a process that is ending still sends", context(SIGTERM, SI_USER, info, exiting), user},
    {"a kernel thread with SI_USER", context(SIGTERM, SI_USER, info, kthread), kernel},
    {"a kernel thread with SI_TKILL", context(SIGTERM, si_tkill, info, kthread), kernel},
    {"sigqueue", context(SIGUSR1, SI_QUEUE, info, 0), queue},
    {"sigqueue to itself", context(SIGUSR1, SI_QUEUE, info, own), queue},
    {"a code that the sender chose", context(SIGUSR1, -60, info, 0), queue},
    {"the same from a kernel thread", context(SIGUSR1, -60, info, kthread), unknown},
    {"a fault's number by kill", context(SIGSEGV, SI_USER, info, 0), user},

    {"a timer's code, chosen by a sender", context(SIGTERM, SI_TIMER, info, own_siginfo), queue},
    {"the same to itself", context(SIGTERM, SI_TIMER, info, own | own_siginfo), queue},
    {"the kernel's code, to itself", context(SIGTERM, si_kernel, info, own | own_siginfo), queue},

    // With a siginfo, from the kernel.
    {"a fault's siginfo is on the stack too", context(SIGSEGV, si_kernel, info, own | own_siginfo),
     fault},
    {"a kill by the kernel too", context(SIGKILL, si_kernel, info, own | own_siginfo), kernel},
    {"timer_create", context(SIGRTMIN, SI_TIMER, info, kthread), timer},
    {"timer while the target runs", context(SIGALRM, SI_TIMER, info, own), timer},
    {"message queue", context(SIGUSR1, SI_MESGQ, info, 0), queue},
    {"asynchronous I/O", context(SIGUSR1, SI_ASYNCIO, info, kthread), kernel},
    {"its code, chosen by a sender", context(SIGUSR1, SI_ASYNCIO, info, 0), queue},
    {"old SIGIO", context(SIGIO, SI_SIGIO, info, kthread), kernel},
    {"its code, chosen by a sender", context(SIGIO, SI_SIGIO, info, 0), queue},
    {"SIGIO", context(SIGIO, POLL_IN, info, 0), kernel},
    {"child ended", context(SIGCHLD, CLD_EXITED, info, exiting), kernel},
    {"bad address", context(SIGSEGV, SEGV_MAPERR, info, own), fault},
    {"general protection", context(SIGSEGV, si_kernel, info, own), fault},
    {"division by zero", context(SIGFPE, FPE_INTDIV, info, own), fault},
    {"illegal instruction", context(SIGILL, ILL_ILLOPN, info, own), fault},
    {"bus error", context(SIGBUS, BUS_ADRERR, info, own), fault},
    {"breakpoint", context(SIGTRAP, TRAP_BRKPT, info, own), fault},
    {"seccomp", context(SIGSYS, 1, info, own), fault},
    {"a fault's number for another task", context(SIGBUS, BUS_MCEERR_AO, info, 0), kernel},
    {"no fault's number", context(SIGUSR1, 1, info, own), kernel},
    {"SI_KERNEL with a siginfo", context(SIGTERM, si_kernel, info, 0), kernel},

    // Combinations that no kernel produces.
    {"an unknown origin", context(SIGTERM, 0, 3, 0), unknown},
    {"all bits", context(SIGTERM, 0, UINT16_MAX, UINT32_MAX), unknown},
};

TEST(SignalSource, EveryRule) {
    for (const Case& each : cases) {
        EXPECT_EQ(signal_source(each.context), each.source) << each.name;
    }
}

TEST(SignalSource, OnlyAKillCanBeTheOomKillers) {
    SignalContext term = context(SIGTERM, 0, priv, 0);
    term.oom_follows = true;
    EXPECT_EQ(signal_source(term), kernel);
    SignalContext by_user = context(SIGKILL, SI_USER, info, 0);
    by_user.oom_follows = true;
    EXPECT_EQ(signal_source(by_user), user);
}

TEST(SignalSource, OnlyProcessesAreSenders) {
    for (const SignalSource with : {user, queue, SignalSource::self, parent_death, parent_thread}) {
        EXPECT_TRUE(has_sender(with)) << to_string(with);
    }
    for (const SignalSource without : {timer, fault, oom, terminal, tracer, kernel, unknown}) {
        EXPECT_FALSE(has_sender(without)) << to_string(without);
    }
}

TEST(SignalSource, Names) {
    const std::pair<SignalSource, std::string_view> names[] = {{user, "user"},
                                                               {queue, "queue"},
                                                               {timer, "timer"},
                                                               {fault, "fault"},
                                                               {oom, "oom"},
                                                               {terminal, "terminal"},
                                                               {parent_death, "parent_death"},
                                                               {parent_thread, "parent_thread"},
                                                               {tracer, "tracer"},
                                                               {SignalSource::self, "self"},
                                                               {kernel, "kernel"},
                                                               {unknown, "unknown"}};
    for (const auto& [source, name] : names) {
        EXPECT_EQ(to_string(source), name);
    }
}

}  // namespace
}  // namespace vigil::model
