// SPDX-License-Identifier: Apache-2.0
// The module's lines, exactly, and their values against wait4(2).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/klog.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <regex>
#include <sstream>
#include <thread>

#include "harness.h"
#include "module.h"
#include "processes.h"

namespace vigil::tests {
namespace {

using Lines = std::vector<std::string>;

const std::string rule(40, '=');
constexpr uint64_t ms = 1'000'000;

uint64_t ns_of(const timeval& time) {
    return (static_cast<uint64_t>(time.tv_sec) * 1'000'000 + static_cast<uint64_t>(time.tv_usec)) *
           1000;
}

TEST(Lines, OfLoadingAndUnloading) {
    KernelLog log;
    LoadedModule module("log=0");
    const Lines loading = log.module_lines();
    ASSERT_EQ(loading.size(), 6U);
    EXPECT_EQ(loading[0], rule);
    EXPECT_EQ(loading[1], "Module loading...");
    EXPECT_TRUE(std::regex_match(loading[2], std::regex("Registered exit kprobe at [0-9a-f]{16}")))
        << loading[2];
    EXPECT_EQ(loading[3], "Module loaded successfully");
    EXPECT_EQ(loading[4], "Monitoring process termination events");
    EXPECT_EQ(loading[5], rule);

    wait_for(start([] { return 0; }));
    const uint64_t exits = module_totals()["process_exits"];
    module.unload();
    EXPECT_EQ(log.module_lines(),
              (Lines{rule, "Module unloaded",
                     "Total process exits monitored: " + std::to_string(exits), rule}));
}

TEST(Lines, OfKnownCommands) {
    const LoadedModule module;
    for (const char* command : {"true", "false", "sync"}) {
        KernelLog log;
        const pid_t pid =
            start([&]() -> int { exec("/usr/bin/" + std::string(command), {command}); });
        wait_for(pid);
        const ExitLines exit = log.exit_of(pid);
        EXPECT_EQ(exit.name, command);
        EXPECT_EQ(exit.parent, ::getpid());
    }
}

// The two lines are one record of /dev/kmsg, from which syslog(2), which `dmesg -S` and busybox's
// dmesg read, makes two: each with the time stamp and the prefix.
TEST(Lines, StandOneBelowTheOtherBySyslog) {
    const LoadedModule module;
    const pid_t pid = start([] { return 0; });
    wait_for(pid);
    constexpr int read_all = 3;
    std::string text(1 << 20, '\0');
    text.resize(
        static_cast<size_t>(::klogctl(read_all, text.data(), static_cast<int>(text.size()))));
    const size_t first =
        text.find("PROCESS_MONITOR: Process exiting - PID: " + std::to_string(pid));
    ASSERT_NE(first, std::string::npos);
    std::istringstream lines(text.substr(first));
    std::string line;
    std::getline(lines, line);
    std::getline(lines, line);
    EXPECT_NE(line.find("] PROCESS_MONITOR:   User time: "), std::string::npos) << line;
}

TEST(Lines, ParentIsTheProcessOfTheThreadThatForked) {
    const LoadedModule module;
    KernelLog log;
    pid_t child = 0;
    std::thread([&] {
        child = start([] { return 0; });
        wait_for(child);
    }).join();
    EXPECT_EQ(log.exit_of(child).parent, ::getpid());
}

TEST(Lines, ParentIsTheRealOneAlsoUnderADebugger) {
    const LoadedModule module;
    const Gate traced;
    const Gate go;
    const pid_t target = start([&] {
        go.pass();
        return 0;
    });
    const pid_t debugger = start([&] {
        if (::ptrace(PTRACE_SEIZE, target, nullptr, nullptr) != 0) {
            return 1;
        }
        traced.open();
        return ::waitpid(target, nullptr, 0) == target ? 0 : 2;
    });
    traced.pass();
    KernelLog log;
    go.open();
    wait_for(target);
    EXPECT_EQ(wait_for(debugger).code(), 0);
    EXPECT_EQ(log.exit_of(target).parent, ::getpid());
}

std::string logged_name(const char* name) {
    const LoadedModule module;
    KernelLog log;
    const pid_t pid = start([name] {
        ::prctl(PR_SET_NAME, name);
        return 0;
    });
    wait_for(pid);
    return log.exit_of(pid).name;
}

TEST(Lines, ANameCantForgeALine) {
    EXPECT_EQ(logged_name("a\nPROCESS_MONIT"), R"(a\012PROCESS_MONIT)");
    EXPECT_EQ(logged_name(R"(a\012)"), R"(a\134012)");
}

// The bytes of ä and €; 15 bytes, the max length.
TEST(Lines, ALetterThatIsNotAsciiIsEscapedWhole) {
    EXPECT_EQ(logged_name("\xC3\xA4-\xE2\x82\xAC"), R"(\303\244-\342\202\254)");
    EXPECT_EQ(logged_name("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF").size(),
              60U);
}

// Max missing time: the last tick of each thread, and the time after the probe.
void expect_times(const ExitLines& exit, const ExitResult& ended, unsigned threads) {
    const uint64_t slack_ns = threads * 4 * ms + 30 * ms;
    const uint64_t waited_ns = cpu_ns(ended.usage);
    EXPECT_LE(exit.cpu_ns(), waited_ns + ms);
    EXPECT_GE(exit.cpu_ns() + slack_ns, waited_ns);
    EXPECT_NEAR(double(exit.user_ns), double(ns_of(ended.usage.ru_utime)), double(slack_ns));
    EXPECT_NEAR(double(exit.system_ns), double(ns_of(ended.usage.ru_stime)), double(slack_ns));
}

TEST(Times, OfABusyProgramAreThoseOfWait4) {
    const LoadedModule module;
    KernelLog log;
    const pid_t pid = start([] {
        burn_thread_ns(400 * ms);
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    ASSERT_GT(ns_of(ended.usage.ru_utime), 100 * ms);
    expect_times(log.exit_of(pid), ended, 1);
}

TEST(Times, InTheKernelAreThoseOfWait4) {
    const LoadedModule module;
    KernelLog log;
    const pid_t pid = start([] {
        const Fd zeros(::open("/dev/zero", O_RDONLY));
        std::string buffer(1 << 20, '\0');
        rusage usage{};
        while (ns_of(usage.ru_stime) < 300 * ms) {
            (void)!::read(zeros.get(), buffer.data(), buffer.size());
            ::getrusage(RUSAGE_SELF, &usage);
        }
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    expect_times(log.exit_of(pid), ended, 1);
}

TEST(Times, AreOfAllThreadsLivingAndDead) {
    const LoadedModule module;
    KernelLog log;
    const pid_t pid = start([] {
        std::thread([] { burn_thread_ns(150 * ms); }).join();
        std::thread lives([] {
            burn_thread_ns(150 * ms);
            ::pause();
        });
        burn_thread_ns(150 * ms);
        while (proc_stat(::getpid(), 14) + proc_stat(::getpid(), 15) < 44) {
            std::this_thread::yield();
        }
        ::_exit(0);
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    ASSERT_GT(cpu_ns(ended.usage), 400 * ms);
    expect_times(log.exit_of(pid), ended, 3);
}

TEST(Threads, HaveLinesOfTheirOwnWhereAskedFor) {
    const LoadedModule module("threads=1");
    KernelLog log;
    auto before = module_totals();
    const pid_t pid = start([] {
        for (int i = 0; i < 3; i++) {
            std::thread([] { ::prctl(PR_SET_NAME, "worker"); }).join();
        }
        return 0;
    });
    wait_for(pid);
    auto after = module_totals();
    int workers = 0;
    int leaders = 0;
    for (const ExitLines& exit : log.exits()) {
        workers += exit.name == "worker" && exit.parent == ::getpid() && exit.pid != pid ? 1 : 0;
        leaders += exit.pid == pid ? 1 : 0;
    }
    EXPECT_EQ(workers, 3);
    EXPECT_EQ(leaders, 1);
    EXPECT_EQ(after["process_exits"] - before["process_exits"], 1U);
    EXPECT_EQ(after["thread_exits"] - before["thread_exits"], 4U);
}

TEST(Threads, AProcessEndsWithItsLastOne) {
    const LoadedModule module;
    const Gate go;
    KernelLog log;
    const pid_t pid = start([&] {
        std::thread([&] {
            go.pass();
            ::_exit(7);
        }).detach();
        ::syscall(SYS_exit, 0);
        return 0;
    });
    wait_until([&] { return proc_file(pid, "stat").find(") Z ") != std::string::npos; },
               "the leader's end");
    EXPECT_EQ(module_totals()["process_exits"], 0U);
    EXPECT_TRUE(log.exits().empty());
    go.open();
    EXPECT_EQ(wait_for(pid).code(), 7);
    EXPECT_EQ(log.exit_of(pid).parent, ::getpid());
    EXPECT_EQ(module_totals()["process_exits"], 1U);
}

// The thread that calls exec takes over the leader's id; the leader's end is not an exit of the
// process.
TEST(Threads, AnExecByOneIsNoEnd) {
    const LoadedModule module;
    KernelLog log;
    const pid_t pid = start([] {
        std::thread([]() { exec("/usr/bin/true", {"true"}); }).join();
        return 1;
    });
    EXPECT_EQ(wait_for(pid).code(), 0);
    EXPECT_EQ(log.exit_of(pid).name, "true");
    EXPECT_EQ(module_totals()["process_exits"], 1U);
}

}  // namespace
}  // namespace vigil::tests
