// SPDX-License-Identifier: Apache-2.0
// CPU usage reported by `vigil watch` against what the load measures itself.
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

// User and system time are each truncated to ticks in /proc.
double ticks_of(const WatchRun& run) { return (run.samples_proc() ? 2 : 1) * tick_seconds; }

void burn(const Meter& meter, uint64_t cpu_ns) {
    for (uint64_t burned = 0; burned < cpu_ns; burned += ms) {
        burn_thread_ns(ms);
        meter.mark_cpu();
    }
}

// Reported CPU usage of one process, and its violations.
struct Measured {
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

Measured measure(const std::string& name, const std::function<void(const Meter&)>& body) {
    WatchRun& run = shared_watch(report_all_rule(name, "cpu"));
    Measured reported;
    MeasuredProcess process(run, name, [&] {
        reported.meter.mark_cpu();
        body(reported.meter);
        reported.meter.mark_cpu();
    });
    process.begin();
    process.wait_for_body();
    reported.events = wait_for_calm(run, process.pid());
    reported.slack = ticks_of(run);
    return reported;
}

void expect_same_sum(const Measured& reported) {
    const double measured = reported.meter.growth() / ns_per_second;
    EXPECT_NEAR(used_in_all(reported.events) / 100, measured, 0.05 * measured + reported.slack);
}

// Each value covers the time since the previous event.
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

// At any time, not only at the end: a sweep takes a while, so values may be off by its duration.
void expect_same_course(const Measured& reported) {
    constexpr double sweep_seconds = 0.1;
    const Event* first = nullptr;
    for (const Event& event : reported.events) {
        if (event.text("state") == "raised") {
            first = &event;
        } else if (event.text("state") == "ongoing") {
            const double measured =
                (reported.meter.at(reported_ns(event)) - reported.meter.at(reported_ns(*first))) /
                ns_per_second;
            EXPECT_NEAR((used_until(event) - used_until(*first)) / 100, measured,
                        0.05 * measured + reported.slack + sweep_seconds)
                << event.line();
        }
    }
}

TEST(WatchCpu, OneBusyThread) {
    const Measured reported =
        measure("vt-one", [](const Meter& meter) { burn(meter, 1'000 * ms); });
    expect_same_sum(reported);
    expect_same_course(reported);
    expect_values_that_add_up(reported.events);
}

TEST(WatchCpu, FourBusyThreads) {
    const Measured reported = measure("vt-four", [](const Meter& meter) {
        std::vector<std::thread> others;
        for (int i = 0; i < 3; i++) {
            others.emplace_back([] { burn_thread_ns(600 * ms); });
        }
        burn(meter, 600 * ms);
        for (std::thread& other : others) {
            other.join();
        }
    });
    expect_same_sum(reported);
    expect_values_that_add_up(reported.events);
    // As far as the machine's load allows.
    const double mean = 100 * reported.meter.growth() / ns_per_second / reported.meter.seconds();
    double peak = 0;
    for (const Event& event : reported.events) {
        peak = std::max(peak, real(event, "peak"));
    }
    EXPECT_GT(peak, 0.95 * mean);
}

// The usage of an exiting thread moves to its process: for a moment it is in no sum, or in both.
TEST(WatchCpu, ThreadsThatComeAndGo) {
    const Measured reported = measure("vt-churn", [](const Meter& meter) {
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
    expect_same_sum(reported);
    expect_same_course(reported);
    const double most = 100.0 * static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
    for (const Event& event : reported.events) {
        EXPECT_LE(real(event, "peak"), 1.5 * most) << event.line();
    }
}

TEST(WatchCpu, ThreadsWhoseLeaderHasEnded) {
    const std::string name = "vt-leaderless";
    WatchRun& run = shared_watch(report_all_rule(name, "cpu"));
    Meter meter;
    const Gate burned;
    MeasuredProcess process(run, name, [&] {
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
    process.begin();
    burned.pass();
    expect_same_sum({wait_for_calm(run, process.pid()), std::move(meter), ticks_of(run)});
}

// Usage up to the exit, not to the last sweep. The rest of an interval counts as a whole one.
TEST(WatchCpu, UntilTheExit) {
    const std::string name = "vt-exits";
    WatchRun& run = shared_watch(report_all_rule(name, "cpu"));
    const pid_t pid = start([&] {
        set_own_name(name);
        burn_thread_ns(1'000 * ms);
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    const Event cleared = run.wait_for({pid, "cleared", "cpu"});
    EXPECT_TRUE(cleared.flag("exited"));
    constexpr double interval_seconds = 0.1;
    const double measured = static_cast<double>(cpu_ns(ended.usage)) / ns_per_second;
    const double reported = used_in_all(run.all({pid, "", "cpu"})) / 100;
    EXPECT_LE(reported, 1.05 * measured + tick_seconds);
    EXPECT_GE(reported, 0.95 * measured - tick_seconds - interval_seconds / 2);
}

}  // namespace
}  // namespace vigil::tests
