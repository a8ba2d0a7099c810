// SPDX-License-Identifier: Apache-2.0
// Full disks on either side: reported, survived, and every loss is reported. EIO can't be caused
// here without a device that fails: the journal's unit tests inject it.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <string>
#include <vector>

#include "fleet.h"
#include "fleet_namespaces.h"
#include "load_agent.h"
#include "peer.h"

namespace vigil::tests {
namespace {

constexpr size_t page = 4096;

TEST(FullDisk, OfTheLog) {
    const SmallDisk disk(8 << 20);
    FleetServer server;
    server.log_to(disk.path() + "/events.log");
    server.start();
    Peer peer(fleet_port);
    ASSERT_TRUE(peer.send(peer.hello("agent-1") + peer_event(1, 1)));
    ASSERT_TRUE(peer.acknowledged(1));

    disk.fill();
    const uint64_t count = 200;
    std::string text;
    for (uint64_t i = 2; i <= count; i++) {
        text += peer_event(i, static_cast<int64_t>(i));
    }
    ASSERT_TRUE(peer.send(text));
    ASSERT_TRUE(server.program().wait_for_error("; agents keep their events meanwhile"));
    EXPECT_NE(server.program().errors().find("No space left on device"), std::string::npos)
        << server.program().errors();
    // Data in the rest of a page may be durable; only acknowledged lines count.
    ASSERT_TRUE(peer.send(peer_status()));
    const auto ack = peer.line_of_type("ack");
    ASSERT_TRUE(ack);
    const auto safe = static_cast<uint64_t>(Event::parse(*ack)->number("seq"));
    EXPECT_LT(safe, count);
    EXPECT_GE(server.read().lines.size(), safe);
    EXPECT_NE(server.ctl({"stats"}).output.find("log_trouble"), std::string::npos);

    disk.free_space();
    ASSERT_TRUE(server.program().wait_for_error("the log is written again"));
    ASSERT_TRUE(peer.acknowledged(count));
    EXPECT_EQ(server.ctl({"stats"}).output.find("log_trouble"), std::string::npos);
    server.stop();
    const ServerLog log = server.read();
    EXPECT_EQ(log.lines.size(), count);
    EXPECT_EQ(log.numbers().size(), count);
}

// A server that is killed while its disk is full, and restarts before there is space.
TEST(FullDisk, OfTheLogAndKilled) {
    const SmallDisk disk(8 << 20);
    FleetServer server;
    server.log_to(disk.path() + "/events.log");
    server.start();
    const TempDirectory spool;
    LoadOptions options;
    options.directory = spool.path();
    LoadAgent agent(options);
    ASSERT_TRUE(wait_until([&] { return agent.durable() > 1000; }, "lines"));
    disk.fill(20 * page);
    ASSERT_TRUE(server.program().wait_for_error("; agents keep their events meanwhile"));
    server.kill();
    disk.free_space();
    disk.fill(64 * page);  // enough for the start, not for much more
    server.start();
    ASSERT_TRUE(server.program().wait_for_error("; agents keep their events meanwhile"));
    const int64_t before = agent.durable();
    ASSERT_TRUE(wait_until([&] { return agent.durable() > before; }, "an agent that goes on"));

    disk.free_space();
    const int64_t expected = agent.drain() ? agent.durable() : -1;
    server.stop();
    const auto counts = server.read().numbers();
    EXPECT_EQ(static_cast<int64_t>(counts.size()), expected);
}

// The agent's lines are buffered in memory, and written later.
TEST(FullDisk, OfTheAgent) {
    FleetServer server;
    const SmallDisk disk(8 << 20);
    FleetAgent agent(disk.path() + "/state");
    server.start();
    agent.start();
    agent.wait_for_server();
    server.stop();
    disk.fill();
    std::vector<pid_t> killed;
    const auto kill_some = [&](int count) {
        for (int i = 0; i < count; i++) {
            killed.push_back(start_sleeper());
            kill_and_wait(killed.back(), SIGKILL);
        }
    };
    // More than fits into the rest of a page.
    kill_some(50);
    ASSERT_TRUE(agent.program().wait_for_error("No space left on device"));
    kill_some(50);
    server.start();
    disk.free_space();
    ASSERT_TRUE(agent.program().wait_for_error("the queue is written again"));
    kill_some(1);
    server.wait_for_death(killed.back());
    agent.stop();
    server.stop();
    const ServerLog log = server.read();
    for (const pid_t pid : killed) {
        EXPECT_TRUE(has_death(log, pid)) << pid;
    }
    EXPECT_EQ(missing(log), 0U);
    EXPECT_EQ(log.lost("queue"), 0U);
}

// Lines that do not fit into memory either are counted exactly.
TEST(FullDisk, OfTheAgentAndMemoryToo) {
    FleetServer server;
    const SmallDisk disk(32 << 20);
    LoadOptions options;
    options.directory = disk.path() + "/spool";
    options.most = 60'000;
    options.waits_for_disk = false;
    disk.fill(64 * page);
    LoadAgent agent(options);
    ASSERT_TRUE(wait_until([&] { return agent.made() == options.most; }, "all lines"));
    disk.free_space();
    server.start();
    ASSERT_TRUE(agent.drain());
    server.stop();
    const ServerLog log = server.read();
    const auto arrived = static_cast<int64_t>(log.numbers().size());
    const auto lost = static_cast<int64_t>(log.lost("queue"));
    EXPECT_GT(lost, 0);
    EXPECT_GT(arrived, 0);
    EXPECT_EQ(arrived + lost, options.most);
    // These lines never got a sequence number in the journal.
    EXPECT_EQ(missing(log), 0U);
}

// A file system with space, but without inodes: "no space" would mislead.
TEST(FullDisk, WithoutInodes) {
    const SmallDisk disk(8 << 20, 2);
    const TempDirectory rules;
    write_file(rules.path() + "/rules.json", "[]");
    write_file(disk.path() + "/taken", "");  // the last one
    for (const Strings& command : std::vector<Strings>{
             {"server", "-c", rules.path() + "/rules.json", "-l", disk.path() + "/events.log"},
             {"up", "-c", rules.path() + "/rules.json", "-l", disk.path() + "/events.log"},
             {"watch", "-c", rules.path() + "/rules.json", "-l", disk.path() + "/watch.log"},
             {"record", "--state", disk.path() + "/state"},
             {"agent", "--state", disk.path() + "/state"}}) {
        const Outcome outcome = run_vigil(command);
        EXPECT_NE(outcome.exit_code, 0) << command[0];
        EXPECT_NE(outcome.errors.find("no inodes are left"), std::string::npos)
            << command[0] << ": " << outcome.errors;
        EXPECT_EQ(outcome.errors.find("No space left"), std::string::npos) << outcome.errors;
    }
}

// At its end it counts what is in the log, not what it was to write.
TEST(FullDisk, OfTheLogOfUpAtItsEnd) {
    const SmallDisk disk(8 << 20);
    const TempDirectory directory;
    write_file(directory.path() + "/rules.json", "[]");
    const std::string log = disk.path() + "/events.log";
    Program up({"up", "-c", directory.path() + "/rules.json", "-l", log, "--state",
                directory.path() + "/state", "--port", "7411"},
               quiet(directory.path()));
    ASSERT_TRUE(up.wait_for_error("Ctrl-C ends"));
    Peer peer(fleet_port);
    ASSERT_TRUE(peer.send(peer.hello("agent-1") + peer_event(1, 1)));
    ASSERT_TRUE(peer.acknowledged(1));
    disk.fill();
    std::string text;
    for (uint64_t i = 2; i <= 300; i++) {
        text += peer_event(i, static_cast<int64_t>(i));
    }
    ASSERT_TRUE(peer.send(text));
    ASSERT_TRUE(up.wait_for_error("; agents keep their events meanwhile"));
    up.send(SIGTERM);
    EXPECT_EQ(up.wait(), 0) << up.errors();
    const size_t lines = read_log(log).lines.size();
    EXPECT_LT(lines, 300U);
    EXPECT_NE(up.errors().find(" " + std::to_string(lines) + " events in "), std::string::npos)
        << lines << " lines: " << up.errors();
    EXPECT_NE(up.errors().find(" events could not be written to it"), std::string::npos)
        << up.errors();
}

}  // namespace
}  // namespace vigil::tests
