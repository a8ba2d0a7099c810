// SPDX-License-Identifier: Apache-2.0
// Sources of signals that no other process sent, and their results.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "harness.h"
#include "processes.h"

namespace vigil::tests {
namespace {

void expect_no_sender(const Event& signal) {
    for (const char* key :
         {"sender_pid", "sender_tid", "sender_start_ns", "sender_comm", "sender_uid"}) {
        EXPECT_TRUE(signal.is_null(key)) << signal.line();
    }
}

void expect_sender(const Event& signal, pid_t sender) {
    EXPECT_EQ(signal.number("sender_pid"), sender) << signal.line();
}

// Runs `body` in a child, which a signal must end.
Event fatal_signal(int number, const std::function<void()>& body, pid_t* pid_out = nullptr) {
    TraceWindow window;
    const pid_t pid = start([&] {
        std::signal(number, SIG_DFL);
        body();
        return 99;
    });
    const ExitResult ended = wait_for(pid);
    EXPECT_EQ(ended.signal(), number);
    const Trace trace = window.end();
    const Event exit = trace.only("exit", pid);
    const Event signal = trace.only_signal(pid, number);
    EXPECT_EQ(exit.text("exit_signal"), signal.text("signal"));
    EXPECT_TRUE(exit.is_null("exit_code"));
    EXPECT_LT(trace.index_of("signal", pid), trace.index_of("exit", pid));
    if (pid_out != nullptr) {
        *pid_out = pid;
    }
    return signal;
}

void pause_forever() {
    while (true) {
        ::pause();
    }
}

TEST(Signals, KillOfTheOwnProcessIsSelf) {
    pid_t pid = 0;
    const Event signal = fatal_signal(
        SIGTERM, [] { ::kill(::getpid(), SIGTERM); }, &pid);
    EXPECT_EQ(signal.text("signal"), "SIGTERM");
    EXPECT_EQ(signal.text("source"), "self");
    EXPECT_EQ(signal.text("result"), "delivered");
    EXPECT_EQ(signal.number("code"), SI_USER);
    EXPECT_TRUE(signal.flag("process_wide"));
    expect_sender(signal, pid);
}

TEST(Signals, AbortIsSelf) {
    pid_t pid = 0;
    const Event signal = fatal_signal(
        SIGABRT, [] { std::abort(); }, &pid);
    EXPECT_EQ(signal.text("source"), "self");
    EXPECT_FALSE(signal.flag("process_wide"));
    expect_sender(signal, pid);
}

TEST(Signals, BadAddressIsAFault) {
    const Event signal = fatal_signal(SIGSEGV, [] {
        volatile char* nowhere = nullptr;
        asm volatile("" : "+r"(nowhere));
        *nowhere = 1;
    });
    EXPECT_EQ(signal.text("source"), "fault");
    EXPECT_EQ(signal.number("code"), SEGV_MAPERR);
    expect_no_sender(signal);
}

TEST(Signals, DivisionByZeroIsAFault) {
    const Event signal = fatal_signal(SIGFPE, [] {
        volatile int zero = 0;
        volatile int result = 1'000 / zero;
        (void)result;
    });
    EXPECT_EQ(signal.text("source"), "fault");
    EXPECT_EQ(signal.number("code"), FPE_INTDIV);
    expect_no_sender(signal);
}

TEST(Signals, CoreDumpIsReportedAsWaitSeesIt) {
    const TempDirectory directory;
    TraceWindow window;
    const pid_t pid = start([&] {
        rlimit limit{};
        ::getrlimit(RLIMIT_CORE, &limit);
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_CORE, &limit);
        (void)!::chdir(directory.path().c_str());
        ::prctl(PR_SET_DUMPABLE, 1);
        ::raise(SIGSEGV);
        return 0;
    });
    const pid_t without = start([] {
        const rlimit none{};
        ::setrlimit(RLIMIT_CORE, &none);
        ::raise(SIGSEGV);
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    const ExitResult ended_without = wait_for(without);
    const Trace trace = window.end();
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    if (limit.rlim_max > 0) {
        EXPECT_TRUE(WCOREDUMP(ended.status)) << "nothing to see: this test needs a core dump";
    }
    EXPECT_EQ(trace.only("exit", pid).flag("core_dumped"), WCOREDUMP(ended.status) != 0);
    EXPECT_EQ(trace.only("exit", pid).text("exit_signal"), "SIGSEGV");
    EXPECT_EQ(trace.only("exit", without).flag("core_dumped"),
              WCOREDUMP(ended_without.status) != 0);
}

TEST(Signals, AlarmIsATimer) {
    const Event signal = fatal_signal(SIGALRM, [] {
        const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 1'000}};
        ::setitimer(ITIMER_REAL, &soon, nullptr);
        pause_forever();
    });
    EXPECT_EQ(signal.text("source"), "timer");
    expect_no_sender(signal);
}

TEST(Signals, CpuTimerIsATimer) {
    const Event signal = fatal_signal(SIGPROF, [] {
        const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 1'000}};
        ::setitimer(ITIMER_PROF, &soon, nullptr);
        while (true) {
            burn_thread_ns(1'000'000);
        }
    });
    EXPECT_EQ(signal.text("source"), "timer");
    expect_no_sender(signal);
}

TEST(Signals, PosixTimerIsATimer) {
    const Event signal = fatal_signal(SIGUSR1, [] {
        sigevent event{};
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGUSR1;
        timer_t timer{};
        const itimerspec soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = 1'000'000}};
        ::timer_create(CLOCK_MONOTONIC, &event, &timer);
        ::timer_settime(timer, 0, &soon, nullptr);
        pause_forever();
    });
    EXPECT_EQ(signal.text("source"), "timer");
    EXPECT_EQ(signal.number("code"), SI_TIMER);
    expect_no_sender(signal);
}

TEST(Signals, BrokenPipeIsTheKernels) {
    const Event signal = fatal_signal(SIGPIPE, [] {
        int ends[2];
        if (::pipe(ends) == 0) {
            ::close(ends[0]);
            (void)!::write(ends[1], "", 1);
        }
    });
    EXPECT_EQ(signal.text("source"), "kernel");
    expect_no_sender(signal);
}

TEST(Signals, FileSizeLimitIsTheKernels) {
    const TempDirectory directory;
    const Event signal = fatal_signal(SIGXFSZ, [&] {
        const rlimit limit{.rlim_cur = 10, .rlim_max = 10};
        const Fd file(::open((directory.path() + "/file").c_str(), O_CREAT | O_WRONLY, 0600));
        ::setrlimit(RLIMIT_FSIZE, &limit);
        (void)!::pwrite(file.get(), "", 1, 10);
    });
    EXPECT_EQ(signal.text("source"), "kernel");
    expect_no_sender(signal);
}

TEST(Signals, DeathOfTheParentNamesTheParent) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    int report[2];
    ASSERT_EQ(::pipe(report), 0);
    const Gate go;
    TraceWindow window;
    const pid_t parent = start([&] {
        const pid_t child = start_sleeper([] { ::prctl(PR_SET_PDEATHSIG, SIGTERM); });
        (void)!::write(report[1], &child, sizeof child);
        go.pass();
        return 0;
    });
    pid_t child = 0;
    ASSERT_EQ(::read(report[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
    go.open();
    wait_for(parent);
    EXPECT_EQ(wait_for(child).signal(), SIGTERM);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    const Event signal = window.end().only_signal(child, SIGTERM);
    EXPECT_EQ(signal.text("source"), "parent_death");
    expect_sender(signal, parent);
}

TEST(Signals, ControlCIsTheTerminal) {
    const Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(master);
    ASSERT_EQ(::grantpt(master.get()), 0);
    ASSERT_EQ(::unlockpt(master.get()), 0);
    const std::string slave = ::ptsname(master.get());
    TraceWindow window;
    const pid_t pid = start_sleeper([&] {
        ::setsid();
        // a session's first terminal becomes its controlling one
        (void)::open(slave.c_str(), O_RDWR);
    });
    ASSERT_EQ(::write(master.get(), "\x03", 1), 1);
    EXPECT_EQ(wait_for(pid).signal(), SIGINT);
    const Event signal = window.end().only_signal(pid, SIGINT);
    EXPECT_EQ(signal.text("source"), "terminal");
    expect_no_sender(signal);
}

TEST(Signals, IgnoredOneIsReportedAsIgnored) {
    TraceWindow window;
    const pid_t pid = start_sleeper([] { std::signal(SIGUSR1, SIG_IGN); });
    ::kill(pid, SIGUSR1);
    kill_and_wait(pid, SIGKILL);
    const Event signal = window.end().only_signal(pid, SIGUSR1);
    EXPECT_EQ(signal.text("result"), "ignored");
    EXPECT_EQ(signal.text("source"), "user");
    expect_sender(signal, ::getpid());
}

TEST(Signals, SecondOfTwoThatWaitIsAlreadyPending) {
    TraceWindow window;
    const pid_t pid = start_sleeper([] {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        ::sigprocmask(SIG_BLOCK, &set, nullptr);
    });
    ::kill(pid, SIGUSR1);
    ::kill(pid, SIGUSR1);
    kill_and_wait(pid, SIGKILL);
    const auto signals = window.end().signals(pid, SIGUSR1);
    ASSERT_EQ(signals.size(), 2U);
    EXPECT_EQ(signals[0].text("result"), "delivered");
    EXPECT_EQ(signals[1].text("result"), "already_pending");
}

// If the queue is full sigqueue fails, while kill loses only the siginfo.
TEST(Signals, FullQueueIsOverflowOrLostInfo) {
    TraceWindow window;
    const pid_t pid = start_sleeper([] {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN);
        ::sigprocmask(SIG_BLOCK, &set, nullptr);
        const rlimit none{};
        ::setrlimit(RLIMIT_SIGPENDING, &none);
    });
    EXPECT_NE(::sigqueue(pid, SIGRTMIN, {}), 0);
    EXPECT_EQ(::kill(pid, SIGRTMIN), 0);
    kill_and_wait(pid, SIGKILL);
    const auto signals = window.end().signals(pid, SIGRTMIN);
    ASSERT_EQ(signals.size(), 2U);
    EXPECT_EQ(signals[0].text("signal"), "SIGRTMIN");
    EXPECT_EQ(signals[0].text("result"), "overflow");
    EXPECT_EQ(signals[0].text("source"), "queue");
    EXPECT_EQ(signals[1].text("result"), "info_lost");
    EXPECT_EQ(signals[1].text("source"), "user");
}

}  // namespace
}  // namespace vigil::tests
