// SPDX-License-Identifier: Apache-2.0
// A pid that is reused at once: two processes, whose usage must not be mixed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "watch.h"

namespace vigil::tests {
namespace {

constexpr uint64_t ms = 1'000'000;

[[noreturn]] void sleep_as(const std::string& name) {
    ::alarm(120);
    set_own_name(name);
    while (true) {
        ::pause();
    }
}

TEST(WatchReuse, OldOneIsClearedAndNewOneStartsFromNothing) {
    // A child starts with what this process has resident.
    const double limit_mb =
        static_cast<double>(proc_value(::getpid(), "smaps_rollup", "Rss")) / 1024 + 40;
    WatchRun& run = shared_watch(R"({"process": "vt-pid", "cpu": 1, "cooldown": "1h"},
           {"process": "vt-pi?", "cooldown": "1h", "memory": )" +
                                 std::to_string(limit_mb) + R"(},
           {"process": "vt-p??", "memory": 0.001, "cooldown": "1ms"})");
    const Gate burned;
    MeasuredProcess old(run, "vt-pid", [&] {
        touch_mb(80);
        burn_thread_ns(400 * ms);
        burned.open();
        while (true) {
            burn_thread_ns(100 * ms);
        }
    });
    const pid_t pid = old.pid();
    old.begin();
    const Event raised = run.wait_for({pid, "raised", "memory", "vt-pi?"});
    run.wait_for({pid, "raised", "cpu"});
    burned.pass();
    old.kill();
    const pid_t again = start_as(pid, [] { sleep_as("vt-pid"); });
    if (again != pid) {
        GTEST_SKIP() << "no process with a given pid here";
    }
    const Event fresh = run.wait_for({pid, "raised", "memory", "vt-p??"}, 2);
    run.wait_for_sweep();
    const int64_t old_start = raised.number("start_ns");
    const int64_t new_start = fresh.number("start_ns");
    EXPECT_GT(new_start, old_start);
    EXPECT_LT(real(fresh, "value"), limit_mb);
    for (const Event& event : run.all({pid})) {
        const bool of_old = event.number("start_ns") == old_start;
        EXPECT_TRUE(of_old || event.number("start_ns") == new_start) << event.line();
        if (event.text("state") == "cleared" && event.text("metric") == "memory") {
            EXPECT_TRUE(event.flag("exited")) << event.line();
            EXPECT_TRUE(of_old) << event.line();
        }
        EXPECT_TRUE(of_old || event.text("rule") != "vt-pi?") << event.line();
        // The old process's usage would be more than all CPUs can do in an interval.
        if (!of_old && event.text("metric") == "cpu") {
            EXPECT_LT(real(event, "value"), 90) << event.line();
        }
    }
    EXPECT_EQ(run.all({pid, "cleared", "memory", "vt-pi?"}).size(), 1U);
    EXPECT_EQ(run.all({pid, "cleared", "memory", "vt-p??"}).size(), 1U);
    kill_and_wait(again, SIGKILL);
    run.wait_for({pid, "cleared", "memory", "vt-p??"}, 2);
}

// Ten processes with one pid within a sweep or two.
TEST(WatchReuse, ShortLivesOneAfterTheOther) {
    if (!shared_watch("").traces()) {
        GTEST_SKIP() << "vigil watch sees no short-lived processes here";
    }
    constexpr int incarnations = 10;
    WatchRun& run = shared_watch(R"({"process": "vt-life", "cpu": 0.001, "cooldown": "1ms"})");
    const pid_t pid = start([] {
        set_own_name("vt-life");
        return 0;
    });
    wait_for(pid);
    double burned = 0;
    for (int i = 0; i < incarnations; i++) {
        const pid_t again = start_as(pid, [] {
            set_own_name("vt-life");
            burn_thread_ns(10 * ms);
        });
        if (again != pid) {
            GTEST_SKIP() << "no process with a given pid here";
        }
        burned += static_cast<double>(cpu_ns(wait_for(pid).usage)) / 1e9;
    }
    run.wait_for_sweep();
    double most = 0;
    for (const Event& event : run.all({pid, "", "cpu"})) {
        most = std::max(most, used_until(event) / 100);
    }
    EXPECT_LE(most, 3 * burned / incarnations)
        << "one process was charged with the usage of several";
    EXPECT_FALSE(run.all({pid, "raised", "cpu"}).empty());
}

}  // namespace
}  // namespace vigil::tests
