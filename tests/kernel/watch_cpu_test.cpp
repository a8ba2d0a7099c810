// SPDX-License-Identifier: Apache-2.0
// CPU as `vigil watch` tells it, against what burners measure of themselves.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "watch.h"

namespace vigil::tests {
namespace {

constexpr uint64_t ms = 1'000'000;
constexpr double tick_seconds = 0.01;
constexpr double ns_per_second = 1e9;

// User and system time are cut to ticks one by one in /proc.
double ticks_of(const WatchRun& run) { return (run.samples_proc() ? 2 : 1) * tick_seconds; }

void burn(const Meter& meter, uint64_t cpu_ns) {
    for (uint64_t burned = 0; burned < cpu_ns; burned += ms) {
        burn_thread_ns(ms);
        meter.mark_cpu();
    }
}

// What one actor was told to have used; the violations of its CPU.
struct Told {
    std::vector<Event> events;
    Meter meter;
    double slack = 0;
};

std::vector<Event> wait_for_calm(WatchRun& run, pid_t pid) {
    std::vector<Event> events;
    wait_until(
        [&] {
            run.wait_for_sweep();
            events = run.all({pid, "", "cpu"});
            return !events.empty() && events.back().text("state") == "cleared";
        },
        "no more CPU");
    return events;
}

Told tell(const std::string& name, const std::function<void(const Meter&)>& body) {
    WatchRun& run = shared_watch(tell_all(name, "cpu"));
    Told told;
    Actor actor(run, name, [&] {
        told.meter.mark_cpu();
        body(told.meter);
        told.meter.mark_cpu();
    });
    actor.begin();
    actor.wait_for_body();
    told.events = wait_for_calm(run, actor.pid());
    told.slack = ticks_of(run);
    return told;
}

void expect_same_sum(const Told& told) {
    const double measured = told.meter.growth() / ns_per_second;
    EXPECT_NEAR(used_in_all(told.events) / 100, measured, 0.05 * measured + told.slack);
}

// Each value is that of the time since the event before it.
void expect_values_that_add_up(const std::vector<Event>& events) {
    double used = 0;
    double seconds = 0;
    for (const Event& event : events) {
        if (event.text("state") == "raised") {
            used = seconds = 0;
        }
        if (event.text("state") == "cleared") {
            continue;  // ends before its value
        }
        const double until = static_cast<double>(event.number("duration_ns")) / ns_per_second;
        EXPECT_NEAR(real(event, "value") * (until - seconds), used_until(event) - used,
                    0.01 + 0.002 * until)
            << event.line();
        used = used_until(event);
        seconds = until;
    }
}

// At any moment, not only in the end: the sweep takes its time, so that it may be off by that.
void expect_same_course(const Told& told) {
    constexpr double sweep_seconds = 0.1;
    const Event* first = nullptr;
    for (const Event& event : told.events) {
        if (event.text("state") == "raised") {
            first = &event;
        } else if (event.text("state") == "ongoing") {
            const double measured =
                (told.meter.at(told_ns(event)) - told.meter.at(told_ns(*first))) / ns_per_second;
            EXPECT_NEAR((used_until(event) - used_until(*first)) / 100, measured,
                        0.05 * measured + told.slack + sweep_seconds)
                << event.line();
        }
    }
}

TEST(WatchCpu, OneBusyThread) {
    const Told told = tell("vt-one", [](const Meter& meter) { burn(meter, 1'000 * ms); });
    expect_same_sum(told);
    expect_same_course(told);
    expect_values_that_add_up(told.events);
}

TEST(WatchCpu, FourBusyThreads) {
    const Told told = tell("vt-four", [](const Meter& meter) {
        std::vector<std::thread> others;
        for (int i = 0; i < 3; i++) {
            others.emplace_back([] { burn_thread_ns(600 * ms); });
        }
        burn(meter, 600 * ms);
        for (std::thread& other : others) {
            other.join();
        }
    });
    expect_same_sum(told);
    expect_values_that_add_up(told.events);
    // As far as this machine lets them.
    const double mean = 100 * told.meter.growth() / ns_per_second / told.meter.seconds();
    double peak = 0;
    for (const Event& event : told.events) {
        peak = std::max(peak, real(event, "peak"));
    }
    EXPECT_GT(peak, 0.95 * mean);
}

// Their share moves from themselves to their process: in no sum, or in both, for a moment.
TEST(WatchCpu, ThreadsThatComeAndGo) {
    const Told told = tell("vt-churn", [](const Meter& meter) {
        for (int round = 0; round < 150; round++) {
            std::vector<std::thread> threads;
            for (int i = 0; i < 4; i++) {
                threads.emplace_back([] { burn_thread_ns(2 * ms); });
            }
            for (std::thread& thread : threads) {
                thread.join();
            }
            meter.mark_cpu();
        }
    });
    expect_same_sum(told);
    expect_same_course(told);
    const double most = 100.0 * static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
    for (const Event& event : told.events) {
        EXPECT_LE(real(event, "peak"), 1.5 * most) << event.line();
    }
}

TEST(WatchCpu, ThreadsWhoseLeaderHasEnded) {
    const std::string name = "vt-leaderless";
    WatchRun& run = shared_watch(tell_all(name, "cpu"));
    Meter meter;
    const Gate burned;
    Actor actor(run, name, [&] {
        meter.mark_cpu();
        for (int i = 0; i < 2; i++) {
            std::thread([&meter, &burned, i] {
                burn_thread_ns((500 + 300 * i) * ms);
                if (i == 1) {
                    meter.mark_cpu();
                    burned.open();
                }
                while (true) {
                    ::pause();
                }
            }).detach();
        }
        ::syscall(SYS_exit, 0);
    });
    actor.begin();
    burned.pass();
    expect_same_sum({wait_for_calm(run, actor.pid()), std::move(meter), ticks_of(run)});
}

// To the end of its life, not to the last sweep. What is left of an interval counts as all of it.
TEST(WatchCpu, UntilTheExit) {
    const std::string name = "vt-exits";
    WatchRun& run = shared_watch(tell_all(name, "cpu"));
    const pid_t pid = start([&] {
        call_me(name);
        burn_thread_ns(1'000 * ms);
        return 0;
    });
    const Ended ended = wait_for(pid);
    const Event cleared = run.wait_for({pid, "cleared", "cpu"});
    EXPECT_TRUE(cleared.flag("exited"));
    constexpr double interval_seconds = 0.1;
    const double measured = static_cast<double>(cpu_ns(ended.usage)) / ns_per_second;
    const double told = used_in_all(run.all({pid, "", "cpu"})) / 100;
    EXPECT_LE(told, 1.05 * measured + tick_seconds);
    EXPECT_GE(told, 0.95 * measured - tick_seconds - interval_seconds / 2);
}

}  // namespace
}  // namespace vigil::tests
