// SPDX-License-Identifier: Apache-2.0
// The module's counts, exact, against the load and against eBPF.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "exit_load.h"
#include "harness.h"
#include "module.h"
#include "processes.h"

namespace vigil::tests {
namespace {

// Other processes of the machine exit as well: eBPF reports how many. Its output identifies each
// process of the load by its parent.
TEST(Count, ManyExitsToTheLastOneByProcByTheLastLineAndByEbpf) {
    constexpr int workers = 4;
    constexpr int each = 5'000;
    LoadedModule module("log=0");
    KernelLog log;
    TraceRun run({"-e", "exit"});
    auto before = module_totals();
    const std::vector<pid_t> parents = make_exits(workers, each);
    auto after = module_totals();
    const Trace trace = run.end();
    const uint64_t at_last = module_totals()["process_exits"];
    module.unload();

    const std::vector<Event> exits = trace.of("exit");
    const auto of_load = std::count_if(exits.begin(), exits.end(), [&](const Event& event) {
        return std::count(parents.begin(), parents.end(), event.number("ppid")) > 0;
    });
    EXPECT_EQ(of_load, workers * each);
    EXPECT_EQ(after["process_exits"] - before["process_exits"], exits.size());
    EXPECT_EQ(after["thread_exits"] - before["thread_exits"], exits.size());
    EXPECT_EQ(after["kprobe_missed"], 0U);
    const std::vector<std::string> lines = log.module_lines();
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_EQ(lines[2], "Total process exits monitored: " + std::to_string(at_last));
}

// All threads exit at once, the leader too: any of them may be the last. They spin, so that threads
// on different CPUs go through the kernel at the same time.
int race_to_the_end(int threads) {
    static std::atomic<int> ready{0};
    const auto race = [threads] {
        ready++;
        while (ready <= threads) {
        }
        ::syscall(SYS_exit, 0);
    };
    for (int i = 0; i < threads; i++) {
        std::thread(race).detach();
    }
    race();
    return 0;
}

void expect_one_exit_each(uint64_t processes, uint64_t threads) {
    const LoadedModule module("log=0");
    TraceRun run({"-e", "exit"});
    auto before = module_totals();
    for (uint64_t i = 0; i < processes; i++) {
        EXPECT_EQ(wait_for(start([&] { return race_to_the_end(int(threads)); })).code(), 0);
    }
    auto after = module_totals();
    const uint64_t exits = run.end().of("exit").size();
    EXPECT_GE(exits, processes);
    EXPECT_EQ(after["process_exits"] - before["process_exits"], exits);
    EXPECT_EQ(after["thread_exits"] - before["thread_exits"], exits + processes * threads);
}

TEST(Count, EightRacingThreadsAreOneProcess) { expect_one_exit_each(15, 8); }
TEST(Count, TwoRacingThreadsAreOneProcess) { expect_one_exit_each(100, 1); }

TEST(Count, TimesAddUp) {
    const LoadedModule module;
    KernelLog log;
    for (int i = 0; i < 3; i++) {
        wait_for(start([] {
            burn_thread_ns(50'000'000);
            return 0;
        }));
    }
    uint64_t user_ns = 0;
    uint64_t system_ns = 0;
    auto totals = module_totals();
    for (const ExitLines& exit : log.exits()) {
        user_ns += exit.user_ns;
        system_ns += exit.system_ns;
    }
    EXPECT_GT(user_ns, 100'000'000U);
    EXPECT_EQ(totals["user_ns"], user_ns);
    EXPECT_EQ(totals["system_ns"], system_ns);
}

}  // namespace
}  // namespace vigil::tests
