// SPDX-License-Identifier: Apache-2.0
// Deaths whose signal looks like another one: with a code that its sender chose, for a thread that
// ended, given by a tracer, of a full stack, of a command that its wrapper killed.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <thread>

#include "processes.h"
#include "record_run.h"

namespace vigil::tests {
namespace {

namespace fs = std::filesystem;

int queue_with_code(pid_t pid, int number, int code) {
    siginfo_t info;
    std::memset(&info, 0, sizeof info);
    info.si_signo = number;
    info.si_code = code;
    return static_cast<int>(::syscall(SYS_rt_sigqueueinfo, pid, number, &info));
}

TEST(DeathForged, TheCodeOfATimerHidesNoSender) {
    RecordRun& deaths = RecordRun::shared();
    const pid_t victim = start_sleeper();
    const pid_t sender = start([&] { return queue_with_code(victim, SIGTERM, SI_TIMER); });
    EXPECT_EQ(wait_for(sender).code(), 0);
    EXPECT_EQ(wait_for(victim).signal(), SIGTERM);
    const Event death = deaths.of(victim);
    EXPECT_EQ(death.number("signal_code"), SI_TIMER) << "as it was chosen";
    EXPECT_EQ(death.text("signal_source"), "queue") << death.line();
    EXPECT_EQ(death.number("killer_pid"), sender);
}

TEST(DeathForged, TheCodeOfTheKernelHidesNoSender) {
    RecordRun& deaths = RecordRun::shared();
    const pid_t pid = start([] { return queue_with_code(::getpid(), SIGTERM, SI_KERNEL); });
    EXPECT_EQ(wait_for(pid).signal(), SIGTERM);
    const Event death = deaths.of(pid);
    EXPECT_EQ(death.text("signal_source"), "queue") << death.line();
    EXPECT_EQ(death.number("killer_pid"), pid);
}

TEST(DeathForged, ARealTimerIsOne) {
    RecordRun& deaths = RecordRun::shared();
    for (const clockid_t clock : {CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID}) {
        const pid_t pid = start([&] {
            timer_t timer{};
            sigevent event{};
            event.sigev_notify = SIGEV_SIGNAL;
            event.sigev_signo = SIGTERM;
            const itimerspec soon{.it_interval = {},
                                  .it_value = {.tv_sec = 0, .tv_nsec = 1'000'000}};
            if (::timer_create(clock, &event, &timer) != 0 ||
                ::timer_settime(timer, 0, &soon, nullptr) != 0) {
                return 98;
            }
            while (true) {
                asm volatile("");
            }
        });
        EXPECT_EQ(wait_for(pid).signal(), SIGTERM);
        const Event death = deaths.of(pid);
        EXPECT_EQ(death.text("signal_source"), "timer") << death.line();
        EXPECT_FALSE(death.has("killer_pid"));
    }
}

// The process that made it lives on.
TEST(DeathForged, TheEndOfAThreadIsNoEndOfTheParent) {
    RecordRun& deaths = RecordRun::shared();
    int report[2];
    ASSERT_EQ(::pipe(report), 0);
    const pid_t parent = start([&] {
        pid_t child = 0;
        std::thread([&] {
            child = start_sleeper([] { ::prctl(PR_SET_PDEATHSIG, SIGTERM); });
        }).join();
        const int ended_by = wait_for(child).signal();
        (void)!::write(report[1], &child, sizeof child);
        return ended_by;
    });
    EXPECT_EQ(wait_for(parent).code(), SIGTERM) << "it lived on, and waited for its child";
    pid_t child = 0;
    ASSERT_EQ(::read(report[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
    ::close(report[0]);
    ::close(report[1]);
    const Event death = deaths.of(child);
    EXPECT_EQ(death.text("signal_source"), "parent_thread") << death.line();
    EXPECT_EQ(death.number("killer_pid"), parent);
}

TEST(DeathForged, ATracerGivesASignal) {
    RecordRun& deaths = RecordRun::shared();
    const pid_t victim = start_sleeper();
    const pid_t tracer = start([&] {
        int status = 0;
        if (::ptrace(PTRACE_ATTACH, victim, nullptr, nullptr) != 0 ||
            ::waitpid(victim, &status, __WALL) != victim ||
            ::ptrace(PTRACE_CONT, victim, nullptr, SIGTERM) != 0) {
            return 98;
        }
        ::waitpid(victim, &status, __WALL);
        return WTERMSIG(status);
    });
    EXPECT_EQ(wait_for(tracer).code(), SIGTERM);
    EXPECT_EQ(wait_for(victim).signal(), SIGTERM);
    const Event death = deaths.of(victim);
    EXPECT_EQ(death.text("signal_source"), "tracer") << death.line();
    EXPECT_EQ(death.number("killer_pid"), tracer);
}

// gcc warns of what is done here on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winfinite-recursion"
[[gnu::noinline]] int recurse(int depth) {
    volatile char frame[512];
    frame[0] = static_cast<char>(depth);
    return recurse(depth + 1) + frame[0];
}
#pragma GCC diagnostic pop

int overflow_of_main() {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_CORE, &none);
    const rlimit small{.rlim_cur = 256 << 10, .rlim_max = RLIM_INFINITY};
    ::setrlimit(RLIMIT_STACK, &small);
    return recurse(0);
}

// Upwards, over all frames, the arguments and the environment.
int overrun_of_main() {
    char buffer[16];
    char* begin = buffer;
    asm volatile("" : "+r"(begin));  // the compiler does not know how large it is
    std::memset(begin, 1, 64 << 20);
    asm volatile("" : : "r"(begin) : "memory");
    return 0;
}

int overflow_of_a_thread() {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_CORE, &none);
    std::thread([] { recurse(0); }).join();
    return 0;
}

TEST(DeathForged, AFullStack) {
    if (kernel_major() < 6) {
        GTEST_SKIP() << "this kernel does not tell the registers of a fault";
    }
    RecordRun& deaths = RecordRun::shared();
    for (const auto body : {overflow_of_main, overflow_of_a_thread}) {
        const pid_t pid = start([&] {
            std::signal(SIGSEGV, SIG_DFL);
            return body();
        });
        EXPECT_EQ(wait_for(pid).signal(), SIGSEGV);
        const Event death = deaths.of(pid);
        EXPECT_EQ(death.text("signal_source"), "fault");
        EXPECT_TRUE(death.has("signal_near_stack")) << death.line();
    }
    const pid_t other = start([] {
        const rlimit none{.rlim_cur = 0, .rlim_max = 0};
        ::setrlimit(RLIMIT_CORE, &none);
        std::signal(SIGSEGV, SIG_DFL);
        volatile char* nowhere = nullptr;
        asm volatile("" : "+r"(nowhere));
        *nowhere = 1;
        return 0;
    });
    EXPECT_EQ(wait_for(other).signal(), SIGSEGV);
    EXPECT_FALSE(deaths.of(other).has("signal_near_stack"));
    const pid_t overrun = start([] {
        const rlimit none{.rlim_cur = 0, .rlim_max = 0};
        ::setrlimit(RLIMIT_CORE, &none);
        std::signal(SIGSEGV, SIG_DFL);
        return overrun_of_main();
    });
    EXPECT_EQ(wait_for(overrun).signal(), SIGSEGV);
    EXPECT_FALSE(deaths.of(overrun).has("signal_near_stack"))
        << "it wrote past the stack's beginning";
}

// It kills its command and then itself, and may end before its command does.
TEST(DeathForged, TheCommandOfATimeoutThatKillsItself) {
    if (fs::canonical("/usr/bin/timeout").filename() == "busybox") {
        GTEST_SKIP() << "none of the programs is here: that of busybox does not kill itself";
    }
    RecordRun& deaths = RecordRun::shared();
    for (int i = 0; i < scaled(10); i++) {
        const pid_t wrapper = start([] {
            exec("/usr/bin/timeout", {"timeout", "-s", "KILL", "0.05", "sleep", "100"});
            return 99;
        });
        EXPECT_EQ(wait_for(wrapper).signal(), SIGKILL);
        const Event death = deaths.of(wrapper);
        EXPECT_EQ(death.text("signal_source"), "self") << death.line();
        ASSERT_TRUE(death.has("child_comm")) << death.line();
        EXPECT_EQ(death.text("child_comm"), "sleep");
        EXPECT_EQ(death.text("child_signal"), "SIGKILL");
    }
}

// Where ids identify no cgroup, only /proc knows of a move, and no longer at the end.
TEST(DeathForged, ACgroupThatWasJoinedAfterTheExec) {
    const std::string mount = cgroup_mount("name=systemd");
    auto group = Cgroup::make(mount);
    if (!group) {
        GTEST_SKIP() << "no hierarchy of systemd of version 1 that can be written to";
    }
    RecordRun& deaths = RecordRun::shared();
    const Gate ready;
    const Gate go;
    const pid_t pid = start([&] {
        std::signal(SIGTERM, [](int) {});
        ready.open();
        go.pass();
        return 3;
    });
    ready.pass();
    const pid_t before = start([] { return 1; });
    wait_for(before);
    (void)deaths.of(before);  // what came before was handled
    ASSERT_TRUE(group->write("cgroup.procs", std::to_string(pid)));
    ASSERT_EQ(::kill(pid, SIGTERM), 0);
    const pid_t after = start([] { return 1; });
    wait_for(after);
    (void)deaths.of(after);
    go.open();
    EXPECT_EQ(wait_for(pid).code(), 3);
    const Event death = deaths.of(pid);
    EXPECT_EQ(death.text("cgroup"), group->path().substr(mount.size())) << death.line();
}

}  // namespace
}  // namespace vigil::tests
