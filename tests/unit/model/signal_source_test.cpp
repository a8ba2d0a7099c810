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
constexpr int si_tkill = -6;
constexpr int si_kernel = 128;

struct Case {
    const char* what;
    SignalFacts facts;
    SignalSource source;
};

SignalFacts facts(int number, int code, uint16_t origin, uint32_t context, uint32_t pid = 100) {
    return {
        .number = number, .code = code, .origin = origin, .context = context, .target_pid = pid};
}

SignalFacts killed_for_memory(bool oom_follows) {
    SignalFacts result = facts(SIGKILL, 0, priv, group);
    result.oom_follows = oom_follows;
    return result;
}

using enum SignalSource;

const Case cases[] = {
    // The kernel itself: SEND_SIG_PRIV.
    {"the OOM killer", killed_for_memory(true), oom},
    {"a kill without an OOM record", killed_for_memory(false), kernel},
    {"alarm", facts(SIGALRM, 0, priv, kthread), timer},
    {"setitimer, user time", facts(SIGVTALRM, 0, priv, own), timer},
    {"setitimer, CPU time", facts(SIGPROF, 0, priv, own), timer},
    {"Ctrl-C", facts(SIGINT, 0, priv, kthread), terminal},
    {"Ctrl-backslash", facts(SIGQUIT, 0, priv, kthread), terminal},
    {"Ctrl-Z", facts(SIGTSTP, 0, priv, kthread), terminal},
    {"Ctrl-Alt-Del", facts(SIGINT, 0, priv, kthread, 1), kernel},
    {"SIGQUIT to init", facts(SIGQUIT, 0, priv, 0, 1), kernel},
    {"background read", facts(SIGTTIN, 0, priv, own), terminal},
    {"background write", facts(SIGTTOU, 0, priv, own), terminal},
    {"window size", facts(SIGWINCH, 0, priv, 0), terminal},
    {"hang-up of a terminal", facts(SIGHUP, 0, priv, kthread), terminal},
    {"orphaned process group", facts(SIGHUP, 0, priv, exiting), kernel},
    {"continue of an orphaned group", facts(SIGCONT, 0, priv, exiting), kernel},
    {"CPU limit", facts(SIGXCPU, 0, priv, own), kernel},
    {"any other", facts(SIGUSR1, 0, priv, 0), kernel},

    // In the name of the current task: SEND_SIG_NOINFO.
    {"parent death", facts(SIGTERM, 0, noinfo, exiting | pdeath), parent_death},
    {"parent death by SIGKILL", facts(SIGKILL, 0, noinfo, exiting | pdeath), parent_death},
    {"the number alone is no parent death", facts(SIGTERM, 0, noinfo, pdeath), kernel},
    {"an exiting task alone is none", facts(SIGTERM, 0, noinfo, exiting), kernel},
    {"nor is one's own end", facts(SIGTERM, 0, noinfo, exiting | pdeath | own), kernel},
    {"cgroup.kill", facts(SIGKILL, 0, noinfo, group), user},
    {"a kernel thread kills", facts(SIGKILL, 0, noinfo, kthread), kernel},
    {"exec kills its own threads", facts(SIGKILL, 0, noinfo, own), kernel},
    {"broken pipe", facts(SIGPIPE, 0, noinfo, own), kernel},
    {"file size limit", facts(SIGXFSZ, 0, noinfo, own), kernel},

    // With a siginfo, from a process.
    {"kill", facts(SIGTERM, SI_USER, info, group), user},
    {"kill of itself", facts(SIGTERM, SI_USER, info, group | own), SignalSource::self},
    {"tgkill", facts(SIGTERM, si_tkill, info, 0), user},
    {"raise", facts(SIGABRT, si_tkill, info, own), SignalSource::self},
    {"a process that is ending still sends", facts(SIGTERM, SI_USER, info, exiting), user},
    {"a kernel thread with SI_USER", facts(SIGTERM, SI_USER, info, kthread), kernel},
    {"a kernel thread with SI_TKILL", facts(SIGTERM, si_tkill, info, kthread), kernel},
    {"sigqueue", facts(SIGUSR1, SI_QUEUE, info, 0), queue},
    {"sigqueue to itself", facts(SIGUSR1, SI_QUEUE, info, own), queue},
    {"a code that the sender chose", facts(SIGUSR1, -60, info, 0), queue},
    {"the same from a kernel thread", facts(SIGUSR1, -60, info, kthread), unknown},
    {"a fault's number by kill", facts(SIGSEGV, SI_USER, info, 0), user},

    // With a siginfo, from the kernel.
    {"timer_create", facts(SIGRTMIN, SI_TIMER, info, kthread), timer},
    {"timer while the target runs", facts(SIGALRM, SI_TIMER, info, own), timer},
    {"message queue", facts(SIGUSR1, SI_MESGQ, info, 0), kernel},
    {"asynchronous I/O", facts(SIGUSR1, SI_ASYNCIO, info, 0), kernel},
    {"old SIGIO", facts(SIGIO, SI_SIGIO, info, 0), kernel},
    {"SIGIO", facts(SIGIO, POLL_IN, info, 0), kernel},
    {"child ended", facts(SIGCHLD, CLD_EXITED, info, exiting), kernel},
    {"bad address", facts(SIGSEGV, SEGV_MAPERR, info, own), fault},
    {"general protection", facts(SIGSEGV, si_kernel, info, own), fault},
    {"division by zero", facts(SIGFPE, FPE_INTDIV, info, own), fault},
    {"illegal instruction", facts(SIGILL, ILL_ILLOPN, info, own), fault},
    {"bus error", facts(SIGBUS, BUS_ADRERR, info, own), fault},
    {"breakpoint", facts(SIGTRAP, TRAP_BRKPT, info, own), fault},
    {"seccomp", facts(SIGSYS, 1, info, own), fault},
    {"a fault's number for another task", facts(SIGBUS, BUS_MCEERR_AO, info, 0), kernel},
    {"no fault's number", facts(SIGUSR1, 1, info, own), kernel},
    {"SI_KERNEL with a siginfo", facts(SIGTERM, si_kernel, info, 0), kernel},

    // What no kernel does.
    {"an unknown origin", facts(SIGTERM, 0, 3, 0), unknown},
    {"all bits", facts(SIGTERM, 0, UINT16_MAX, UINT32_MAX), unknown},
};

TEST(SignalSource, EveryRule) {
    for (const Case& each : cases) {
        EXPECT_EQ(signal_source(each.facts), each.source) << each.what;
    }
}

TEST(SignalSource, OnlyAKillCanBeTheOomKillers) {
    SignalFacts term = facts(SIGTERM, 0, priv, 0);
    term.oom_follows = true;
    EXPECT_EQ(signal_source(term), kernel);
    SignalFacts by_user = facts(SIGKILL, SI_USER, info, 0);
    by_user.oom_follows = true;
    EXPECT_EQ(signal_source(by_user), user);
}

TEST(SignalSource, ASenderIsNamedOnlyWhereAProcessSent) {
    for (const SignalSource with : {user, queue, SignalSource::self, parent_death}) {
        EXPECT_TRUE(has_sender(with)) << to_string(with);
    }
    for (const SignalSource without : {timer, fault, oom, terminal, kernel, unknown}) {
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
                                                               {SignalSource::self, "self"},
                                                               {kernel, "kernel"},
                                                               {unknown, "unknown"}};
    for (const auto& [source, name] : names) {
        EXPECT_EQ(to_string(source), name);
    }
}

}  // namespace
}  // namespace vigil::model
