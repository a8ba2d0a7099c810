// SPDX-License-Identifier: Apache-2.0
// Agent and server killed at any time: every line that was durable at the agent is in the log
// exactly once.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "fleet.h"
#include "load_agent.h"

namespace vigil::tests {
namespace {

// The nth start of the agent numbers its lines from n million.
constexpr int64_t lines_of_a_start = 1'000'000;

struct Promise {
    int64_t first;
    int64_t durable;  // one above the last line reported as durable
};

void check(const ServerLog& log, const std::vector<Promise>& promises) {
    const auto counts = log.numbers();
    uint64_t promised = 0;
    uint64_t lacking = 0;
    for (const Promise& promise : promises) {
        promised += static_cast<uint64_t>(promise.durable - promise.first);
        for (int64_t number = promise.first; number < promise.durable; number++) {
            const bool there = counts.count(number) != 0;
            lacking += there ? 0 : 1;
            EXPECT_TRUE(there || lacking > 5) << "line " << number << " is missing";
        }
    }
    EXPECT_EQ(lacking, 0U) << "of " << promised;
    int64_t last = -1;
    int faults = 0;
    for (const LogLine& line : log.lines) {
        EXPECT_TRUE(line.number > last || ++faults > 5)
            << line.number << " stands behind " << last << ": " << line.text;
        last = line.number;
    }
    // Within a start, lines arrive without a gap: nothing between two arrived lines is lost.
    std::map<int64_t, int64_t> spans;
    for (const auto& [number, count] : counts) {
        EXPECT_EQ(count, 1) << "line " << number;
        const int64_t expected = spans[number / lines_of_a_start]++;
        ASSERT_EQ(number % lines_of_a_start, expected) << "a gap before line " << number;
    }
    EXPECT_GT(promised, 0U);
    std::cout << promised << " lines were promised, " << counts.size() << " are in " << log.segments
              << " segments\n";
}

TEST(Killed, AgentAndServerUnderLoad) {
    const uint64_t chosen = chosen_seed();
    std::cout << "VIGIL_TEST_SEED=" << chosen << "\n";
    std::mt19937_64 random(chosen);
    const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };

    FleetServer server({"--rotate", "256K"});
    const TempDirectory spool;
    std::vector<Promise> promises;
    std::unique_ptr<LoadAgent> agent;
    const auto start_agent = [&] {
        LoadOptions options;
        options.directory = spool.path();
        options.first = static_cast<int64_t>(promises.size() + 1) * lines_of_a_start;
        options.seed = random();
        promises.push_back({options.first, options.first});
        agent = std::make_unique<LoadAgent>(options);
    };
    const auto kill_agent = [&] {
        agent->kill();
        promises.back().durable = agent->durable();
    };
    server.start();
    start_agent();

    // The client reconnects after a quarter of a second or more: half of the pauses are longer.
    int agents = scaled(50);
    int servers = scaled(50);
    while (agents + servers > 0) {
        std::this_thread::sleep_for(
            std::chrono::milliseconds(upto(1) == 0 ? upto(100) : upto(600)));
        if (agents > 0 && (servers == 0 || upto(1) == 0)) {
            agents--;
            kill_agent();
            start_agent();
        } else {
            servers--;
            server.kill();
            // Sometimes the other side is killed too, before it notices.
            if (agents > 0 && upto(3) == 0) {
                agents--;
                kill_agent();
                start_agent();
            }
            server.start();
        }
        if (::testing::Test::HasFailure()) {
            break;
        }
    }
    ASSERT_TRUE(agent->drain()) << server.ctl({"agents"}).output << server.ctl({"stats"}).output
                                << server.program().errors();
    promises.back().durable = agent->durable();
    server.stop();
    check(server.read(), promises);
}

}  // namespace
}  // namespace vigil::tests
