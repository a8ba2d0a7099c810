// SPDX-License-Identifier: Apache-2.0
// Loading with parameters, twice, and where it can't work; unloading under load.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <numeric>
#include <regex>
#include <sstream>

#include "exit_load.h"
#include "harness.h"
#include "kprobes.h"
#include "module.h"
#include "processes.h"

namespace vigil::tests {
namespace {

std::string text_of(const char* path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// A line of /proc/meminfo in KiB.
uint64_t memory_kib(const std::string& key) {
    std::smatch value;
    const std::string text = text_of("/proc/meminfo");
    EXPECT_TRUE(std::regex_search(text, value, std::regex(key + ": +([0-9]+) kB"))) << key;
    return std::stoull(value[1]);
}

// Sum of all lines "N lines suppressed".
uint64_t reported_suppressed(const std::vector<std::string>& lines) {
    uint64_t sum = 0;
    for (const std::string& line : lines) {
        std::smatch count;
        if (std::regex_match(line, count, std::regex("([0-9]+) lines suppressed"))) {
            sum += std::stoull(count[1]);
        }
    }
    return sum;
}

uint64_t exit_lines(const std::vector<std::string>& lines) {
    return static_cast<uint64_t>(std::count_if(lines.begin(), lines.end(), [](const auto& line) {
        return line.rfind("Process exiting", 0) == 0 || line.rfind("  User time", 0) == 0;
    }));
}

TEST(Loading, TotalsAreForEveryone) {
    const LoadedModule module;
    const pid_t pid = start([] {
        if (::setuid(65534) != 0) {
            return 1;
        }
        return module_totals().size() == 7 ? 0 : 2;
    });
    EXPECT_EQ(wait_for(pid).code(), 0);
}

TEST(Loading, TwiceIsRefused) {
    const LoadedModule module;
    wait_for(start([] { return 0; }));
    const uint64_t exits = module_totals()["process_exits"];
    EXPECT_EQ(load_module(module_path()), EEXIST);
    EXPECT_GE(module_totals()["process_exits"], exits) << "the first one is still there";
}

TEST(Loading, WrongParametersAreRefused) {
    for (const char* wrong : {"log=2", "log=yes", "threads=-1", "ratelimit=-1", "ratelimit=x"}) {
        EXPECT_EQ(load_module(module_path(), wrong), EINVAL) << wrong;
    }
    const LoadedModule module("log=0 ratelimit=20");
    EXPECT_EQ(set_parameter("log", "2"), EINVAL);
    EXPECT_EQ(set_parameter("threads", "7"), EINVAL);
    EXPECT_EQ(parameter("log"), "0");
    EXPECT_EQ(parameter("threads"), "0");
    EXPECT_EQ(parameter("ratelimit"), "20");
}

TEST(Loading, WithoutItsFunctionIsRefusedAndLeavesNothing) {
    KernelLog log;
    EXPECT_EQ(load_module(broken_module_path()), ENOENT);
    const std::vector<std::string> lines = log.module_lines();
    EXPECT_EQ(lines.back(),
              "Failed to register kprobe: -2 (no_such_function: no such function in this kernel)");
    EXPECT_NE(::access("/proc/process_monitor", F_OK), 0);
    EXPECT_EQ(kprobes_of("do_exit"), 0);
    const LoadedModule module;  // nothing is left over
    EXPECT_EQ(kprobes_of("do_exit"), 1);
}

template <typename Off>
void expect_refusal() {
    KernelLog log;
    {
        const Off off;
        EXPECT_EQ(load_module(module_path()), EOPNOTSUPP);
    }
    EXPECT_EQ(log.module_lines().back(),
              "Failed to register kprobe: -95 (kprobes are switched off: see "
              "/sys/kernel/debug/kprobes/enabled and kernel.ftrace_enabled)");
    EXPECT_NE(::access("/proc/process_monitor", F_OK), 0);
    EXPECT_EQ(kprobes_of("do_exit") + kprobes_of("taskstats_exit"), 0);
}

TEST(Loading, WithKprobesOffIsRefusedAndLeavesNothing) { expect_refusal<KprobesOff>(); }
TEST(Loading, WithFtraceOffIsRefusedAndLeavesNothing) { expect_refusal<FtraceOff>(); }

TEST(Log, SwitchedOffAndOnWhileLoaded) {
    const LoadedModule module("log=0");
    KernelLog log;
    wait_for(start([] { return 0; }));
    EXPECT_TRUE(log.exits().empty());
    EXPECT_EQ(set_parameter("log", "1"), 0);
    const pid_t pid = start([] { return 0; });
    wait_for(pid);
    EXPECT_EQ(log.exit_of(pid).name, "vigil_kmod_test");
    EXPECT_EQ(set_parameter("log", "0"), 0);
    wait_for(start([] { return 0; }));
    EXPECT_TRUE(log.exits().empty());
    EXPECT_GE(module_totals()["process_exits"], 3U);
}

// Every line is either written or counted as suppressed, in /proc and in the log.
TEST(Log, ARateLimitHoldsAndAccountsForEveryLine) {
    constexpr uint64_t limit = 10;
    LoadedModule module("ratelimit=" + std::to_string(limit));
    KernelLog log;
    const uint64_t began_ns = boot_now_ns();
    make_exits(1, 500);
    const uint64_t seconds = (boot_now_ns() - began_ns) / 1'000'000'000 + 2;
    auto totals = module_totals();
    module.unload();
    const std::vector<std::string> lines = log.module_lines();
    EXPECT_LE(exit_lines(lines), limit * seconds);
    EXPECT_GE(exit_lines(lines), limit);
    EXPECT_EQ(exit_lines(lines) + totals["lines_suppressed"], 2 * totals["process_exits"]);
    EXPECT_EQ(reported_suppressed(lines), totals["lines_suppressed"]);
}

TEST(Log, ALiftedLimitReportsWhatItSuppressed) {
    const LoadedModule module("ratelimit=2");
    KernelLog log;
    make_exits(1, 50);
    EXPECT_EQ(set_parameter("ratelimit", "0"), 0);
    make_exits(1, 10);
    const std::vector<std::string> lines = log.module_lines();
    EXPECT_EQ(reported_suppressed(lines), module_totals()["lines_suppressed"]);
    EXPECT_EQ(exit_lines(lines) + reported_suppressed(lines), 2 * module_totals()["process_exits"]);
}

// A leak of its memory or its counters would add up over the rounds.
TEST(Unloading, UnderLoadAgainAndAgain) {
    constexpr int rounds = 20;
    {
        const LoadedModule once("log=0");  // memory that the kernel keeps for the next module
    }
    const uint64_t percpu_kib = memory_kib("Percpu");
    const uint64_t vmalloc_kib = memory_kib("VmallocUsed");
    {
        const ExitLoad make_exits(2);
        for (int round = 0; round < rounds; round++) {
            LoadedModule module(round % 2 == 0 ? "log=0" : "log=1 ratelimit=100");
            wait_until([] { return module_totals()["process_exits"] >= 20; }, "exits of the storm");
            module.unload();
        }
    }
    // The stacks of the load's processes are freed a little later; a leak costs at least 12 KiB per
    // round.
    wait_until([&] { return memory_kib("VmallocUsed") < vmalloc_kib + rounds * 12; },
               "the memory of the modules");
    EXPECT_LE(memory_kib("Percpu"), percpu_kib + 64);
    EXPECT_EQ(kprobes_of("do_exit") + kprobes_of("taskstats_exit"), 0);
}

}  // namespace
}  // namespace vigil::tests
