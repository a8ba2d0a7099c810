// SPDX-License-Identifier: Apache-2.0
// The agent's own state: the time in which it did not run, and the privileges that it keeps.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "fleet.h"

namespace vigil::tests {
namespace {

constexpr int64_t us_per_s = 1'000'000;
// The agent's heartbeat comes every five seconds.
constexpr int64_t mark_us = 5 * us_per_s;
constexpr int64_t slack_us = 2 * us_per_s;
constexpr int64_t tick_us = 20'000;  // resolution of file times

int64_t now_us() { return unix_us(utc_now()); }

struct Span {
    int64_t from_us = 0;
    int64_t to_us = 0;
};

std::vector<Span> unobserved(const FleetServer& server) {
    std::vector<Span> spans;
    for (const LogLine& line : server.read().of("unobserved")) {
        const auto event = Event::parse(line.text);
        EXPECT_FALSE(event->flag("rebooted"));
        spans.push_back({unix_us(event->text("from")), unix_us(event->text("to"))});
    }
    return spans;
}

TEST(MonitoringGap, AfterKillAndAfterStop) {
    FleetServer server;
    const TempDirectory state;
    FleetAgent agent(state.path());
    server.start();
    agent.start();
    agent.wait_for_server();
    // The first start has no gap before it.
    const pid_t first = start_sleeper();
    kill_and_wait(first, SIGKILL);
    server.wait_for_death(first);
    EXPECT_TRUE(unobserved(server).empty());

    const int64_t killed_us = now_us();
    agent.kill();
    wait_until([&] { return now_us() > killed_us + us_per_s; }, "a second");
    const int64_t back_us = now_us();
    agent.start();
    const int64_t watching_us = now_us();
    server.wait_for_log([&](const ServerLog& log) { return log.of("unobserved").size() == 1; },
                        "the time away");
    auto spans = unobserved(server);
    ASSERT_EQ(spans.size(), 1U);
    EXPECT_GE(spans[0].from_us, killed_us - mark_us - slack_us);
    EXPECT_LE(spans[0].from_us, killed_us + slack_us / 10);
    EXPECT_GE(spans[0].to_us, back_us);
    EXPECT_LE(spans[0].to_us, watching_us + slack_us);

    const int64_t stopping_us = now_us();
    agent.stop();
    const int64_t stopped_us = now_us();
    // Nothing can be sent yet: the server is stopped.
    server.stop();
    wait_until([&] { return now_us() > stopped_us + us_per_s; }, "a second");
    const int64_t again_us = now_us();
    agent.start();
    server.start();
    server.wait_for_log([&](const ServerLog& log) { return log.of("unobserved").size() == 2; },
                        "the second time away");
    spans = unobserved(server);
    ASSERT_EQ(spans.size(), 2U);
    EXPECT_GE(spans[1].from_us, stopping_us - tick_us);
    EXPECT_LE(spans[1].from_us, stopped_us);
    EXPECT_GE(spans[1].to_us, again_us);
    agent.stop();
    server.stop();
}

// Time in which an agent ran without the kernel's events is not monitored: no death of it is known.
TEST(MonitoringGap, TimeWithoutTracingIsNotMonitored) {
    FleetServer server;
    const TempDirectory state;
    FleetAgent agent(state.path());
    server.start();
    agent.start();
    agent.wait_for_server();
    agent.stop();
    const int64_t stopped_us = now_us();
    const auto beaten = std::filesystem::last_write_time(state.path() + "/alive");
    {
        Program::Options options = quiet();
        options.before_exec = [before = options.before_exec] {
            before();
            for (const unsigned long capability : {CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF}) {
                ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
            }
        };
        Program blind({"agent", "--state", state.path(), "--name", "agent-1"}, options);
        ASSERT_TRUE(blind.wait_for_error("no deaths are kept"));
        ASSERT_TRUE(blind.wait_for_error("vigil: connected to "));
        // Longer than between two heartbeats.
        wait_until([&] { return now_us() > stopped_us + mark_us + slack_us; },
                   "a heartbeat's time");
        EXPECT_EQ(std::filesystem::last_write_time(state.path() + "/alive"), beaten);
        blind.send(SIGTERM);
        EXPECT_EQ(blind.wait(), 0) << blind.errors();
    }
    EXPECT_EQ(std::filesystem::last_write_time(state.path() + "/alive"), beaten);
    const int64_t again_us = now_us();
    agent.start();
    // The blind one has reported the time before its own start.
    Span last;
    wait_until(
        [&] {
            const auto spans = unobserved(server);
            last = spans.empty() ? Span() : spans.back();
            return last.to_us >= again_us;
        },
        "the time without events");
    EXPECT_LE(last.from_us, stopped_us);
    agent.stop();
    server.stop();
}

// Capabilities of all threads, from /proc.
TEST(Privileges, OnlyWhatItNeeds) {
    uint64_t allowed = 0;
    for (const int number : {CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH}) {
        allowed |= uint64_t{1} << number;
    }
    FleetServer server;
    const TempDirectory state;
    FleetAgent agent(state.path());
    server.start();
    agent.start();
    agent.wait_for_server();
    const std::string tasks = "/proc/" + std::to_string(agent.program().pid()) + "/task";
    int threads = 0;
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
        threads++;
        std::ifstream status(task.path() / "status");
        int seen = 0;
        for (std::string line; std::getline(status, line);) {
            const std::string key = line.substr(0, line.find(':'));
            if (key == "CapInh" || key == "CapAmb" || key == "CapPrm" || key == "CapEff" ||
                key == "CapBnd") {
                const bool none = key == "CapInh" || key == "CapAmb";
                const uint64_t value = std::strtoull(line.c_str() + key.size() + 1, nullptr, 16);
                EXPECT_EQ(value, none ? 0 : allowed) << task.path() << " " << line;
                seen++;
            }
        }
        EXPECT_EQ(seen, 5) << task.path();
    }
    EXPECT_GE(threads, 3);  // the main, the client's, and the journal's thread
    agent.stop();
    server.stop();
}

}  // namespace
}  // namespace vigil::tests
