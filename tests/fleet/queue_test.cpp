// SPDX-License-Identifier: Apache-2.0
// More events than the agent's queue holds: the oldest go, and it is told how many.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "fleet.h"
#include "load_agent.h"

namespace vigil::tests {
namespace {

TEST(Queue, OldestGoAndAreCounted) {
    FleetServer server;
    const Folder spool;
    LoadOptions options;
    options.folder = spool.path();
    options.queue_bytes = 1 << 20;
    options.most = 40'000;
    LoadAgent agent(options);
    ASSERT_TRUE(wait_until([&] { return agent.durable() == options.most; }, "all lines"));
    server.start();
    ASSERT_TRUE(agent.drain());
    server.stop();
    const Logbook log = server.read();
    const auto counts = log.numbers();
    const auto arrived = static_cast<int64_t>(counts.size());
    // Lines that tell a loss take part: what has a number has come, or is told as lost.
    ASSERT_FALSE(log.lines.empty());
    EXPECT_EQ(log.lines.front().journal_sequence - 1 + missing(log), log.lost("queue"));
    const auto numbers = static_cast<int64_t>(log.lines.back().journal_sequence);
    EXPECT_GE(numbers, options.most);
    EXPECT_LE(numbers, options.most + 100);
    // About a queue full has come, and of the lines the newest.
    EXPECT_GT(arrived, 2'000);
    EXPECT_LT(arrived, options.most / 2);
    ASSERT_FALSE(counts.empty());
    EXPECT_EQ(counts.rbegin()->first, options.most - 1);
    EXPECT_EQ(counts.begin()->first, options.most - arrived);
}

// The real agent.
TEST(Queue, OfTheRealAgent) {
    FleetServer server;
    const Folder state;
    FleetAgent agent(state.path(), {"--queue", "1M"});
    agent.start();
    constexpr int count = 3000;  // of more than 400 bytes each
    std::vector<pid_t> killed;
    for (int i = 0; i < count; i++) {
        killed.push_back(start([&] {
            ::kill(::getpid(), SIGKILL);
            return 0;
        }));
        wait_for(killed.back());
    }
    ASSERT_TRUE(agent.program().wait_for_error("events were dropped: the queue is full"));
    server.start();
    agent.wait_for_server();
    const pid_t last = start_sleeper();
    kill_and_wait(last, SIGKILL);
    server.wait_for_death(last);
    server.wait_for_log([](const Logbook& log) { return log.lost("queue") > 0; }, "the loss");
    agent.stop();
    server.stop();
    const Logbook log = server.read();
    uint64_t arrived = 0;
    for (const LogLine& line : log.lines) {
        arrived += line.kind == "exit" ? 1 : 0;
    }
    // Others may have died too.
    EXPECT_GE(arrived + log.lost("queue"), killed.size() + 1);
    std::cout << arrived << " deaths arrived, " << log.lost("queue") << " are told as lost\n";
    // What the numbers of the journal lack before the first line that came is what was lost.
    ASSERT_FALSE(log.lines.empty());
    EXPECT_EQ(log.lines.front().journal_sequence - 1 + missing(log), log.lost("queue"));
}

}  // namespace
}  // namespace vigil::tests
