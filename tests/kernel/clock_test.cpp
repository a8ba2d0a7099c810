// SPDX-License-Identifier: Apache-2.0
// The wall clock is set while deaths are recorded: only in a guest.
#include <gtest/gtest.h>

#include <csignal>
#include <ctime>

#include "harness.h"
#include "processes.h"
#include "record_run.h"

namespace vigil::tests {
namespace {

constexpr time_t hour = 3600;

// Sets it back at the end.
class WallClock {
 public:
    WallClock() = default;
    WallClock(const WallClock&) = delete;
    WallClock& operator=(const WallClock&) = delete;
    ~WallClock() { move(-moved_); }
    void move(time_t seconds) {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        now.tv_sec += seconds;
        EXPECT_EQ(::clock_settime(CLOCK_REALTIME, &now), 0);
        moved_ += seconds;
    }

 private:
    time_t moved_ = 0;
};

// Clean exits and kills are in two files, which are merged.
TEST(Clock, HistoryIsInTheOrderOfTheBootAfterItWasSet) {
    if (!in_guest()) {
        GTEST_SKIP() << "the clock is set: only where the machine is our own";
    }
    RecordRun deaths;
    const auto killed = [&] {
        const pid_t pid = start_sleeper();
        kill_and_wait(pid, SIGKILL);
        deaths.of(pid);
        return pid;
    };
    const auto ended = [&] {
        const pid_t pid = start([] { return 0; });
        wait_for(pid);
        deaths.of(pid);
        return pid;
    };
    WallClock clock;
    const pid_t first = killed();
    clock.move(hour);
    const pid_t second = ended();
    clock.move(-2 * hour);
    const pid_t third = killed();
    const pid_t fourth = ended();
    Program history(
        {"history", "--state", deaths.state(), "--since", "10m", "-n", "1000", "-o", "json"});
    EXPECT_EQ(history.wait(), 0) << history.errors();
    std::vector<int64_t> pids;
    for (const Event& event : parse_lines(history.output())) {
        if (event.pid() == first || event.pid() == second || event.pid() == third ||
            event.pid() == fourth) {
            pids.push_back(event.pid());
        }
    }
    EXPECT_EQ(pids, (std::vector<int64_t>{fourth, third, second, first}));
    deaths.end();
}

// SIGTERM, then an hour that only the clock knows, then SIGKILL: the request is still recorded.
TEST(Clock, APriorSignalIsKeptWhenItIsSet) {
    if (!in_guest()) {
        GTEST_SKIP() << "the clock is set: only where the machine is our own";
    }
    RecordRun deaths;
    for (const time_t seconds : {hour, -hour}) {
        WallClock clock;
        const pid_t stubborn = start_sleeper([] { ::signal(SIGTERM, [](int) {}); });
        ::kill(stubborn, SIGTERM);
        clock.move(seconds);
        kill_and_wait(stubborn, SIGKILL);
        const Event death = deaths.of(stubborn);
        EXPECT_EQ(death.text("before_signal"), "SIGTERM") << death.line();
    }
    deaths.end();
}

}  // namespace
}  // namespace vigil::tests
