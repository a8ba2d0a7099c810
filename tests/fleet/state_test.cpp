// SPDX-License-Identifier: Apache-2.0
// An agent's state directory that is deleted, damaged, or copied to another agent.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "fleet.h"
#include "load_agent.h"

namespace vigil::tests {
namespace {

namespace fs = std::filesystem;

LoadOptions in(const std::string& directory, int64_t first, int64_t most) {
    LoadOptions options;
    options.directory = directory;
    options.first = first;
    options.most = most;
    return options;
}

void wait_for_all(LoadAgent& agent, const LoadOptions& options) {
    wait_until([&] { return agent.durable() == options.first + options.most; }, "all lines");
}

void expect_each_once(const ServerLog& log, int64_t first, int64_t count,
                      const std::string& agent = "") {
    const auto numbers = log.numbers(agent);
    int64_t faults = 0;
    for (int64_t number = first; number < first + count; number++) {
        const auto found = numbers.find(number);
        const int times = found == numbers.end() ? 0 : found->second;
        if (times != 1 && ++faults <= 3) {
            ADD_FAILURE() << "line " << number << " of " << agent << " is there " << times
                          << " times";
        }
    }
    EXPECT_EQ(faults, 0) << "of " << count << " lines of " << agent << " from " << first;
}

TEST(State, DeletedWhileStopped) {
    FleetServer server;
    server.start();
    const TempDirectory directory;
    const std::string spool = directory.path() + "/spool";
    for (int64_t first : {0, 10'000, 20'000}) {
        const LoadOptions options = in(spool, first, 5'000);
        LoadAgent agent(options);
        wait_for_all(agent, options);
        ASSERT_TRUE(agent.drain());
        fs::remove_all(spool);
    }
    server.stop();
    const ServerLog log = server.read();
    EXPECT_EQ(log.lines.size(), 15'000U);
    for (int64_t first : {0, 10'000, 20'000}) {
        expect_each_once(log, first, 5'000);
    }
    EXPECT_EQ(missing(log), 0U);
}

// The journal ids are lost, the lines are not: lines that the server may already have are sent
// again under a new id, so at least once.
TEST(State, OnlyTheStateFileDeleted) {
    FleetServer server;
    const TempDirectory directory;
    const LoadOptions options = in(directory.path(), 0, 5'000);
    {
        LoadAgent agent(options);
        wait_for_all(agent, options);
        agent.kill();
    }
    for (const char* text : {"", "vigil spool 1 notanumber\n", "\xff\xfe garbage"}) {
        if (*text == '\0') {
            fs::remove(directory.path() + "/spool.state");
        } else {
            write_file(directory.path() + "/spool.state", text);
        }
        LoadAgent agent(in(directory.path(), 0, 0));
        wait_until([&] { return fs::exists(directory.path() + "/spool.state"); }, "a new state");
        agent.kill();
    }
    LoadAgent agent(in(directory.path(), 10'000, 1'000));
    server.start();
    ASSERT_TRUE(agent.drain());
    server.stop();
    expect_each_once(server.read(), 0, 5'000);
    EXPECT_EQ(missing(server.read()), 0U);
}

// Both run at the same time, with the same old lines in their spools.
void run_copy(const std::string& name) {
    FleetServer server;
    const TempDirectory directory;
    const std::string one = directory.path() + "/one";
    const std::string two = directory.path() + "/two";
    const LoadOptions old = in(one, 0, 20'000);
    {
        // Some are acknowledged, some are not.
        server.start();
        LoadAgent agent(old);
        wait_until([&] { return server.stat("log_durable_sequence") > 1'000; }, "some lines");
        server.kill();
        wait_for_all(agent, old);
        agent.kill();
    }
    fs::copy(one, two, fs::copy_options::recursive);
    LoadOptions first = in(one, 100'000, 10'000);
    LoadOptions second = in(two, 200'000, 10'000);
    second.name = name;
    second.seed = 2;
    LoadAgent agent(first);
    LoadAgent copy(second);
    server.start();
    wait_for_all(agent, first);
    wait_for_all(copy, second);
    ASSERT_TRUE(agent.drain());
    ASSERT_TRUE(copy.drain());
    server.stop();
    const ServerLog log = server.read();
    expect_each_once(log, 100'000, 10'000, "load");
    expect_each_once(log, 200'000, 10'000, name);
    // The old lines are the agent's; the copy sends them under its own name, if that is different.
    expect_each_once(log, 0, 20'000, "load");
    if (name != "load") {
        for (const auto& [number, count] : log.numbers(name)) {
            ASSERT_EQ(count, 1) << number;
        }
    }
    EXPECT_EQ(log.numbers("load").size(), name == "load" ? 40'000U : 30'000U);
}

TEST(State, CopiedToAnAgentOfTheSameName) { run_copy("load"); }
TEST(State, CopiedToAnAgentOfAnotherName) { run_copy("copy"); }

}  // namespace
}  // namespace vigil::tests
