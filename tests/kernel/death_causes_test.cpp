// SPDX-License-Identifier: Apache-2.0
// Every way in which a process can end, and its death record.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>

#include "processes.h"
#include "record_run.h"

namespace vigil::tests {
namespace {

void pause_forever() {
    while (true) {
        ::pause();
    }
}

void allow_cores(rlim_t bytes) {
    const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
    ::setrlimit(RLIMIT_CORE, &limit);
}

// Runs `body` in a child, which must be ended by a signal; returns its death record.
Event fatal(int number, const std::function<void()>& body) {
    RecordRun& deaths = RecordRun::shared();
    const pid_t pid = start([&] {
        allow_cores(0);
        std::signal(number, SIG_DFL);
        body();
        return 99;
    });
    EXPECT_EQ(wait_for(pid).signal(), number);
    const Event death = deaths.of(pid);
    EXPECT_EQ(death.text("exit_signal"), death.text("signal"));
    EXPECT_TRUE(death.is_null("exit_code"));
    EXPECT_EQ(death.text("cause"), "signal");
    EXPECT_EQ(death.number("ppid"), ::getpid());
    return death;
}

void expect_no_killer(const Event& death) {
    for (const char* key : {"killer_pid", "killer_comm", "killer_ancestor_pids"}) {
        EXPECT_FALSE(death.has(key)) << death.line();
    }
}

TEST(DeathCause, ExitCodes) {
    RecordRun& deaths = RecordRun::shared();
    std::map<int, pid_t> children;
    for (const int code : {0, 1, 3, 127, 255}) {
        children[code] = start([code] { return code; });
        EXPECT_EQ(wait_for(children[code]).code(), code);
    }
    for (const auto& [code, pid] : children) {
        const Event death = deaths.of(pid);
        EXPECT_EQ(death.text("cause"), "exit");
        EXPECT_EQ(death.number("exit_code"), code);
        EXPECT_TRUE(death.is_null("exit_signal"));
        EXPECT_TRUE(death.is_null("signal_source"));
        expect_no_killer(death);
    }
}

TEST(DeathCause, EverySignalThatEnds) {
    constexpr std::array others{SIGCHLD, SIGCONT, SIGURG,  SIGWINCH, SIGSTOP,
                                SIGTSTP, SIGTTIN, SIGTTOU, 32,       33};
    RecordRun& deaths = RecordRun::shared();
    std::map<int, pid_t> children;
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (std::find(others.begin(), others.end(), number) == others.end()) {
            children[number] = start_sleeper([&] {
                allow_cores(0);
                std::signal(number, SIG_DFL);
            });
            EXPECT_EQ(kill_and_wait(children[number], number).signal(), number);
        }
    }
    for (const auto& [number, pid] : children) {
        const Event death = deaths.of(pid);
        EXPECT_EQ(death.text("signal_source"), "user") << number;
        EXPECT_EQ(death.text("signal"), death.text("exit_signal"));
        EXPECT_EQ(death.number("killer_pid"), ::getpid()) << number;
        EXPECT_EQ(death.number("killer_uid"), 0) << number;
        EXPECT_FALSE(death.has("before_signal")) << death.line();
    }
}

TEST(DeathCause, Abort) {
    const Event death = fatal(SIGABRT, [] { std::abort(); });
    EXPECT_EQ(death.text("signal_source"), "self");
    EXPECT_EQ(death.number("killer_pid"), death.pid());
}

TEST(DeathCause, Faults) {
    const Event death = fatal(SIGSEGV, [] {
        volatile char* nowhere = nullptr;
        asm volatile("" : "+r"(nowhere));
        *nowhere = 1;
    });
    EXPECT_EQ(death.text("signal_source"), "fault");
    EXPECT_EQ(death.number("signal_code"), SEGV_MAPERR);
    expect_no_killer(death);
    EXPECT_EQ(fatal(SIGILL, [] { asm volatile("ud2"); }).text("signal_source"), "fault");
}

TEST(DeathCause, Seccomp) {
    const auto forbidden = [] {
        sock_filter program[] = {
            {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
            {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_getpgid},
            {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS},
            {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
        };
        const sock_fprog filter{.len = 4, .filter = program};
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
        ::syscall(SYS_getpgid, 0);
    };
    const Event death = fatal(SIGSYS, forbidden);
    EXPECT_EQ(death.text("signal_source"), "fault");
    expect_no_killer(death);
}

TEST(DeathCause, Timers) {
    const Event alarm = fatal(SIGALRM, [] {
        const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 1'000}};
        ::setitimer(ITIMER_REAL, &soon, nullptr);
        pause_forever();
    });
    EXPECT_EQ(alarm.text("signal_source"), "timer");
    expect_no_killer(alarm);
}

TEST(DeathCause, BrokenPipe) {
    const Event death = fatal(SIGPIPE, [] {
        int ends[2];
        if (::pipe(ends) == 0) {
            ::close(ends[0]);
            (void)!::write(ends[1], "", 1);
        }
    });
    EXPECT_EQ(death.text("signal_source"), "kernel");
    expect_no_killer(death);
}

TEST(DeathCause, FileSizeLimit) {
    const TempDirectory directory;
    const Event death = fatal(SIGXFSZ, [&] {
        const rlimit limit{.rlim_cur = 10, .rlim_max = 10};
        const Fd file(::open((directory.path() + "/file").c_str(), O_CREAT | O_WRONLY, 0600));
        ::setrlimit(RLIMIT_FSIZE, &limit);
        (void)!::pwrite(file.get(), "", 1, 10);
    });
    EXPECT_EQ(death.text("signal_source"), "kernel");
    expect_no_killer(death);
}

TEST(DeathCause, CpuLimit) {
    const Event death = fatal(SIGXCPU, [] {
        const rlimit limit{.rlim_cur = 1, .rlim_max = 20};
        ::setrlimit(RLIMIT_CPU, &limit);
        while (true) {
            burn_thread_ns(1'000'000);
        }
    });
    EXPECT_EQ(death.text("signal_source"), "kernel");
    EXPECT_GT(death.number("cpu_ns"), 900'000'000);
    expect_no_killer(death);
}

TEST(DeathCause, ControlC) {
    const Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ASSERT_TRUE(master);
    ASSERT_EQ(::grantpt(master.get()), 0);
    ASSERT_EQ(::unlockpt(master.get()), 0);
    const std::string slave = ::ptsname(master.get());
    RecordRun& deaths = RecordRun::shared();
    const pid_t pid = start_sleeper([&] {
        ::setsid();
        // a session's first terminal becomes its controlling one
        (void)::open(slave.c_str(), O_RDWR);
    });
    ASSERT_EQ(::write(master.get(), "\x03", 1), 1);
    EXPECT_EQ(wait_for(pid).signal(), SIGINT);
    const Event death = deaths.of(pid);
    EXPECT_EQ(death.text("signal_source"), "terminal");
    expect_no_killer(death);
}

TEST(DeathCause, DeathOfTheParent) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    int report[2];
    ASSERT_EQ(::pipe(report), 0);
    const Gate go;
    RecordRun& deaths = RecordRun::shared();
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
    const Event death = deaths.of(child);
    EXPECT_EQ(death.text("signal_source"), "parent_death");
    EXPECT_EQ(death.number("killer_pid"), parent);
    EXPECT_EQ(death.numbers("killer_ancestor_pids").front(), ::getpid());
    EXPECT_EQ(death.text("killer_executable"), self_path());
    EXPECT_EQ(death.numbers("ancestor_pids").front(), parent) << "not the one that adopted it";
    EXPECT_EQ(death.number("ppid"), ::getpid()) << "that one";
}

TEST(DeathCause, CoreDumpedOrNot) {
    const TempDirectory directory;
    RecordRun& deaths = RecordRun::shared();
    const auto dump = [&](rlim_t bytes) {
        const pid_t pid = start([&] {
            allow_cores(bytes);
            (void)!::chdir(directory.path().c_str());
            ::prctl(PR_SET_DUMPABLE, 1);
            ::raise(SIGSEGV);
            return 0;
        });
        const ExitResult ended = wait_for(pid);
        const Event death = deaths.of(pid);
        EXPECT_EQ(death.flag("core_dumped"), WCOREDUMP(ended.status) != 0);
        EXPECT_EQ(death.text("signal"), "SIGSEGV");
        EXPECT_EQ(death.text("signal_source"), "self");
        return WCOREDUMP(ended.status) != 0;
    };
    EXPECT_FALSE(dump(0));
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    if (limit.rlim_max > 0) {
        EXPECT_TRUE(dump(limit.rlim_max));
    }
}

// The dump takes a while: the process is killed as soon as the core file exists.
TEST(DeathCause, AKillDuringACoreDumpIsNotTheCause) {
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    std::string pattern = proc_file(::getpid(), "../sys/kernel/core_pattern");
    if (limit.rlim_max == 0 || pattern.empty() || pattern[0] == '|') {
        GTEST_SKIP() << "no core file can be seen here: " << pattern;
    }
    const size_t mb = in_guest() ? 64 : 512;
    RecordRun& deaths = RecordRun::shared();
    bool killed_in_time = false;
    for (int i = 0; i < 20 && !killed_in_time; i++) {
        const TempDirectory directory;
        const pid_t pid = start_sleeper([&] {
            allow_cores(limit.rlim_max);
            (void)!::chdir(directory.path().c_str());
            ::prctl(PR_SET_DUMPABLE, 1);
            touch_mb(mb);
        });
        ::kill(pid, SIGABRT);
        wait_until(
            [&] {
                return proc_value(pid, "status", "CoreDumping") == 1 ||
                       proc_file(pid, "stat").find(") Z") != std::string::npos;
            },
            "the dump");
        ::kill(pid, SIGKILL);
        const ExitResult ended = wait_for(pid);
        killed_in_time = !WCOREDUMP(ended.status);
        const Event death = deaths.of(pid);
        EXPECT_EQ(death.text("signal"), "SIGABRT") << death.line();
        EXPECT_EQ(death.number("killer_pid"), ::getpid());
        EXPECT_EQ(death.text("exit_signal"), ended.signal() == SIGKILL ? "SIGKILL" : "SIGABRT");
        ::unlink("/tmp/core");
    }
    EXPECT_TRUE(killed_in_time) << "every dump was faster than its kill";
}

}  // namespace
}  // namespace vigil::tests
