// SPDX-License-Identifier: Apache-2.0
// Processes that live between two sweeps: evaluated by their final usage at the exit.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "watch.h"

namespace vigil::tests {
namespace {

constexpr uint64_t ms = 1'000'000;
constexpr double ns_per_second = 1e9;
constexpr double tick_seconds = 0.01;

pid_t start_burner(const std::string& name, uint64_t burned_ns) {
    return start([&] {
        set_own_name(name);
        burn_thread_ns(burned_ns);
        return 0;
    });
}

double seconds_of(const ExitResult& ended) {
    return static_cast<double>(cpu_ns(ended.usage)) / ns_per_second;
}

void expect_ended_burner(const Event& event, const ExitResult& ended, double span_seconds) {
    EXPECT_TRUE(event.flag("exited")) << event.line();
    const double burned = seconds_of(ended);
    EXPECT_NEAR(real(event, "value") / 100 * span_seconds, burned, 0.05 * burned + tick_seconds)
        << event.line();
    EXPECT_NEAR(real(event, "peak"), real(event, "value"), 0.01) << event.line();
}

class WatchShort : public ::testing::Test {
 protected:
    void SetUp() override {
        if (!shared_watch("").traces()) {
            GTEST_SKIP() << "vigil watch sees no short-lived processes here";
        }
    }
};

// If a sweep falls in between, the case is a different one: repeat.
TEST_F(WatchShort, BurnerBetweenTwoSweeps) {
    WatchRun run(R"([{"process": "vt-short", "cpu": 0.001, "cooldown": "1ms"}])", {});
    for (int attempt = 0; attempt < 10; attempt++) {
        const uint64_t begin_ns = boot_now_ns();
        const pid_t pid = start_burner("vt-short", 300 * ms);
        const ExitResult ended = wait_for(pid);
        const auto max_ns = static_cast<double>(boot_now_ns() - begin_ns);
        const Event event = run.wait_for({pid, "raised", "cpu"});
        if (!event.flag("exited")) {
            run.wait_for({pid, "cleared", "cpu"});
            continue;
        }
        const auto life_ns = static_cast<double>(event.number("duration_ns"));
        EXPECT_LE(life_ns, max_ns);
        EXPECT_GE(life_ns, 300 * ms);
        expect_ended_burner(event, ended, std::max(life_ns / ns_per_second, 1.0));
        const auto all = run.end();
        EXPECT_EQ(std::count_if(all.begin(), all.end(),
                                [&](const Event& each) { return each.pid() == pid; }),
                  1);
        return;
    }
    GTEST_SKIP() << "a sweep came in between each time: this machine is too busy";
}

// The interval is so long that all of this happens between its first two sweeps.
class Scenario {
 public:
    Scenario() {
        const pid_t before = start_sleeper([] { set_own_name("vt-before"); });
        WatchRun run(R"([
            {"process": "vt-before", "memory": 0.001},
            {"process": "vt-five", "cpu": 0.001},
            {"process": "vt-calm", "cpu": 90},
            {"process": "vt-for", "cpu": 0.001, "for": "1m"},
            {"process": "vt-peak", "memory": 40}])",
                     {"--interval", "5s"});
        run.wait_for({before, "raised", "memory"});
        kill_and_wait(before, SIGKILL);
        five_pid = start_burner("vt-five", 300 * ms);
        five = wait_for(five_pid);
        calm_pid = start_burner("vt-calm", 50 * ms);
        wait_for(calm_pid);
        for_pid = start_burner("vt-for", 50 * ms);
        wait_for(for_pid);
        peak_pid = start([] {
            set_own_name("vt-peak");
            touch_mb(64);
            return 0;
        });
        wait_for(peak_pid);
        run.wait_for({peak_pid, "raised", "memory"});
        events = run.end();
    }

    std::vector<Event> of(pid_t pid) const {
        std::vector<Event> found;
        std::copy_if(events.begin(), events.end(), std::back_inserter(found),
                     [&](const Event& event) { return event.pid() == pid; });
        return found;
    }

    pid_t five_pid, calm_pid, for_pid, peak_pid;
    ExitResult five;
    std::vector<Event> events;
};

TEST_F(WatchShort, AgainstALongInterval) {
    const Scenario scenario;
    const std::vector<Event> five = scenario.of(scenario.five_pid);
    ASSERT_EQ(five.size(), 1U);
    EXPECT_EQ(five[0].text("state"), "raised");
    expect_ended_burner(five[0], scenario.five, 5);

    EXPECT_TRUE(scenario.of(scenario.calm_pid).empty()) << "50 ms in 5 s are less than 90 %";
    EXPECT_TRUE(scenario.of(scenario.for_pid).empty()) << "it did not live for a minute";

    const std::vector<Event> peak = scenario.of(scenario.peak_pid);
    ASSERT_EQ(peak.size(), 1U);
    EXPECT_TRUE(peak[0].flag("exited"));
    // Without the memory of its parent. Memory counters lag behind by up to 64 pages each.
    constexpr double lag_mb = 3;
    EXPECT_NEAR(real(peak[0], "value"), 64, lag_mb);
}

// Number of processes that the events cover: each for itself and the suppressed ones.
uint64_t burners_reported(const std::vector<Event>& events) {
    uint64_t count = 0;
    for (const Event& event : events) {
        if (event.text("state") == "raised") {
            count += 1 + static_cast<uint64_t>(event.number("similar"));
        }
    }
    return count;
}

ExitResult run_burners(int count) {
    const pid_t parent = start([count] {
        for (int i = 0; i < count; i++) {
            wait_for(start_burner("vt-many", 5 * ms));
        }
        return 0;
    });
    return wait_for(parent);
}

TEST_F(WatchShort, SiblingsAreReportedOnceACooldown) {
    constexpr int count = 20;
    WatchRun& run = shared_watch(R"({"process": "vt-many", "cpu": 0.001, "cooldown": "1500ms"})");
    run_burners(count);
    const ViolationMatch raised{0, "raised", "cpu", "vt-many"};
    wait_until([&] { return burners_reported(run.all(raised)) >= count; }, "all burners");
    EXPECT_EQ(burners_reported(run.all(raised)), static_cast<uint64_t>(count));
    uint64_t before_ns = 0;
    for (const Event& event : run.all(raised)) {
        if (!event.flag("exited")) {
            continue;  // a sweep saw it
        }
        EXPECT_GE(reported_ns(event), before_ns + 1'500 * ms) << event.line();
        before_ns = reported_ns(event);
    }
}

TEST_F(WatchShort, SiblingsAreHeldBackForALongCooldown) {
    WatchRun& run = shared_watch(R"({"process": "vt-many", "cpu": 0.001, "cooldown": "1h"})");
    run_burners(20);
    run.wait_for_sweep();
    size_t exited = 0;
    for (const Event& event : run.all({0, "raised", "cpu", "vt-many"})) {
        exited += event.flag("exited") ? 1 : 0;
        EXPECT_EQ(event.number("similar"), 0);
    }
    EXPECT_EQ(exited, 1U);
}

}  // namespace
}  // namespace vigil::tests
