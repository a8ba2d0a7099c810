// SPDX-License-Identifier: Apache-2.0
// More events than the agent's spool holds: the oldest are dropped, and their number is reported.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fleet.h"
#include "load_agent.h"

namespace vigil::tests {
namespace {

TEST(Queue, OldestGoAndAreCounted) {
    FleetServer server;
    const TempDirectory spool;
    LoadOptions options;
    options.directory = spool.path();
    options.queue_bytes = 1 << 20;
    options.most = 40'000;
    LoadAgent agent(options);
    ASSERT_TRUE(wait_until([&] { return agent.durable() == options.most; }, "all lines"));
    server.start();
    ASSERT_TRUE(agent.drain());
    server.stop();
    const ServerLog log = server.read();
    const auto counts = log.numbers();
    const auto arrived = static_cast<int64_t>(counts.size());
    // Lines that report a loss count too: every sequence number has arrived, or is reported as
    // lost.
    ASSERT_FALSE(log.lines.empty());
    EXPECT_EQ(log.lines.front().journal_sequence - 1 + missing(log), log.lost("queue"));
    const auto numbers = static_cast<int64_t>(log.lines.back().journal_sequence);
    EXPECT_GE(numbers, options.most);
    EXPECT_LE(numbers, options.most + 100);
    // About one full spool has arrived, with the newest lines.
    EXPECT_GT(arrived, 2'000);
    EXPECT_LT(arrived, options.most / 2);
    ASSERT_FALSE(counts.empty());
    EXPECT_EQ(counts.rbegin()->first, options.most - 1);
    EXPECT_EQ(counts.begin()->first, options.most - arrived);
}

// Killed while the oldest lines are dropped, before that could be reported. A spool numbers its
// lines across all starts: lines that are not in the log are reported as lost, exactly.
TEST(Queue, CountedThoughTheAgentIsKilled) {
    const uint64_t chosen = chosen_seed();
    std::mt19937_64 random(chosen);
    std::cout << "VIGIL_TEST_SEED=" << chosen << "\n";
    FleetServer server;
    const TempDirectory spool;
    LoadOptions options;
    options.directory = spool.path();
    options.queue_bytes = 1 << 20;
    options.line_bytes = 4'000;  // so that it fills quickly and repeatedly
    for (int start = scaled(20); start > 0; start--) {
        LoadAgent agent(options);
        wait_until([&] { return agent.durable() > options.first; }, "a line");
        std::this_thread::sleep_for(
            std::chrono::milliseconds(std::uniform_int_distribution<int>(0, 1200)(random)));
        agent.kill();
        options.first += 1'000'000;
    }
    // The last agent only sends: it could not know whether dropped lines that are in flight will
    // arrive.
    options.most = 1;
    LoadAgent agent(options);
    wait_until([&] { return agent.durable() > options.first; }, "a line");
    server.start();
    ASSERT_TRUE(agent.drain());
    server.stop();
    const ServerLog log = server.read();
    ASSERT_FALSE(log.lines.empty());
    const uint64_t created = log.lines.back().journal_sequence;
    std::cout << created << " lines, " << log.lines.size() << " in the log\n";
    EXPECT_GT(log.lost("queue"), 0U);
    EXPECT_EQ(log.lines.size() + log.lost("queue"), created);
}

// The real agent.
TEST(Queue, OfTheRealAgent) {
    FleetServer server;
    const TempDirectory state;
    FleetAgent agent(state.path(), {"--queue", "1M"});
    agent.start();
    constexpr int count = 3000;  // more than 400 bytes each
    std::vector<pid_t> killed;
    for (int i = 0; i < count; i++) {
        killed.push_back(start([&] {
            ::kill(::getpid(), SIGKILL);
            return 0;
        }));
        wait_for(killed.back());
    }
    ASSERT_TRUE(agent.program().wait_for_error("dropped: the queue is full"));
    server.start();
    agent.wait_for_server();
    const pid_t last = start_sleeper();
    kill_and_wait(last, SIGKILL);
    server.wait_for_death(last);
    server.wait_for_log([](const ServerLog& log) { return log.lost("queue") > 0; }, "the loss");
    agent.stop();
    server.stop();
    const ServerLog log = server.read();
    uint64_t arrived = 0;
    for (const LogLine& line : log.lines) {
        arrived += line.kind == "death" ? 1 : 0;
    }
    // Other processes may have exited too.
    EXPECT_GE(arrived + log.lost("queue"), killed.size() + 1);
    std::cout << arrived << " deaths arrived, " << log.lost("queue") << " are reported as lost\n";
    // The sequence numbers missing before the first arrived line are the loss. If one of these
    // lines reported events that the ring had lost (a busy machine), they count too.
    ASSERT_FALSE(log.lines.empty());
    EXPECT_GE(log.lost("queue"), log.lines.front().journal_sequence - 1 + missing(log));
}

}  // namespace
}  // namespace vigil::tests
