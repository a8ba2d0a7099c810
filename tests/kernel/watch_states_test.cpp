// SPDX-License-Identifier: Apache-2.0
// The states of a violation: raised, ongoing, cleared, and raised again.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "watch.h"

namespace vigil::tests {
namespace {

constexpr uint64_t ms = 1'000'000;
constexpr int64_t second = 1'000'000'000;

std::string cpu_rule(const std::string& name, const std::string& more) {
    return R"({"process": ")" + name + R"(", "cpu": 1, )" + more + "}";
}

void burn_for_ever() {
    while (true) {
        burn_thread_ns(100 * ms);
    }
}

TEST(WatchStates, StoppedContinuedAndKilled) {
    WatchRun& run = shared_watch(cpu_rule("vt-stop", R"("cooldown": "1h")"));
    MeasuredProcess process(run, "vt-stop", burn_for_ever);
    const pid_t pid = process.pid();
    const ViolationMatch cpu{pid, "", "cpu"};
    process.begin();
    run.wait_for({pid, "raised", "cpu"});
    ::kill(pid, SIGSTOP);
    const Event cleared = run.wait_for({pid, "cleared", "cpu"});
    EXPECT_FALSE(cleared.flag("exited"));
    EXPECT_LE(real(cleared, "value"), 1);
    EXPECT_GT(real(cleared, "mean"), 0);
    ::kill(pid, SIGCONT);
    run.wait_for({pid, "raised", "cpu"}, run.all({pid, "raised", "cpu"}).size() + 1);
    process.kill(SIGKILL);
    run.wait_for_sweep();
    const std::vector<Event> all = run.all(cpu);
    EXPECT_EQ(all.back().text("state"), "cleared") << all.back().line();
    EXPECT_TRUE(all.back().flag("exited")) << all.back().line();
    EXPECT_TRUE(run.all({pid, "ongoing", "cpu"}).empty()) << "the cooldown is an hour";
}

// A busy machine may keep it from running at times: the sum of the reports counts.
TEST(WatchStates, AgainAndAgain) {
    constexpr int cycles = 4;
    WatchRun& run = shared_watch(cpu_rule("vt-cycle", R"("cooldown": "1ms")") + "," +
                                 cpu_rule("vt-cycl?", R"("for": "1m", "cooldown": "1ms")"));
    MeasuredProcess process(run, "vt-cycle", [] {
        for (int i = 0; i < cycles; i++) {
            burn_thread_ns(100 * ms);
            ::usleep(600'000);
        }
    });
    const pid_t pid = process.pid();
    process.begin();
    process.wait_for_body();
    run.wait_for_sweep();
    const size_t raised = run.all({pid, "raised", "cpu"}).size();
    EXPECT_GE(raised, static_cast<size_t>(cycles));
    EXPECT_EQ(run.all({pid, "cleared", "cpu"}).size(), raised);
    EXPECT_TRUE(run.all({pid, "", "", "vt-cycl?"}).empty()) << "it never lasted for a minute";
    EXPECT_GE(used_in_all(run.all({pid, "", "cpu"})) / 100, 0.9 * cycles * 0.1);
}

TEST(WatchStates, ForAsLongAsTheRuleSays) {
    WatchRun& run = shared_watch(cpu_rule("vt-long", R"("for": "1500ms")") + "," +
                                 cpu_rule("vt-lon?", R"("cooldown": "1h")"));
    MeasuredProcess process(run, "vt-long", burn_for_ever);
    const pid_t pid = process.pid();
    process.begin();
    const Event raised = run.wait_for({pid, "raised", "cpu", "vt-long"});
    const Event first = run.wait_for({pid, "raised", "cpu", "vt-lon?"});
    EXPECT_GE(raised.number("duration_ns"), 3 * second / 2);
    EXPECT_GT(reported_ns(raised), reported_ns(first));
    ::kill(pid, SIGSTOP);
    const Event cleared = run.wait_for({pid, "cleared", "cpu", "vt-long"});
    // Without `for` a stopped process is cleared at once, so it may have been raised several times.
    const std::vector<Event> calm = run.all({pid, "cleared", "cpu", "vt-lon?"});
    ASSERT_FALSE(calm.empty());
    EXPECT_GE(reported_ns(cleared), reported_ns(calm.back()) + second);
    EXPECT_LE(reported_ns(cleared) - static_cast<uint64_t>(cleared.number("duration_ns")) +
                  3 * second / 2,
              reported_ns(cleared));
    EXPECT_NEAR(used_until(cleared), used_in_all(calm), 0.05 * used_in_all(calm) + 2);
}

TEST(WatchStates, ExitWhileRaised) {
    WatchRun& run = shared_watch(cpu_rule("vt-end", R"("cooldown": "1ms")"));
    MeasuredProcess process(run, "vt-end", [] {
        burn_thread_ns(700 * ms);
        ::_exit(3);
    });
    const pid_t pid = process.pid();
    process.begin();
    const ExitResult ended = process.kill(0);
    run.wait_for_sweep();
    EXPECT_EQ(ended.code(), 3);
    const double burned = static_cast<double>(cpu_ns(ended.usage)) / second;
    EXPECT_LE(used_in_all(run.all({pid, "", "cpu"})) / 100, 1.05 * burned + 0.02);
    EXPECT_EQ(run.all({pid, "raised", "cpu"}).size(), run.all({pid, "cleared", "cpu"}).size());
}

}  // namespace
}  // namespace vigil::tests
