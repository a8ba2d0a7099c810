// SPDX-License-Identifier: Apache-2.0
// The server's commands from a shell: their output and exit codes.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <string>

#include "fleet.h"
#include "peer.h"

namespace vigil::tests {
namespace {

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// Runs a command that must succeed.
std::string done(const FleetServer& server, const Strings& words) {
    const Outcome outcome = server.ctl(words);
    EXPECT_EQ(outcome.exit_code, 0) << words[0] << ": " << outcome.errors;
    EXPECT_EQ(outcome.errors, "") << words[0];
    return outcome.output;
}

// Runs a command that must be refused, with this text in the reason.
void expect_refused(const FleetServer& server, const Strings& words, const std::string& why) {
    const Outcome outcome = server.ctl(words);
    EXPECT_EQ(outcome.exit_code, 1) << words[0];
    EXPECT_EQ(outcome.output, "") << words[0];
    EXPECT_TRUE(holds(outcome.errors, why)) << words[0] << ": " << outcome.errors;
}

TEST(Ctl, Configuration) {
    FleetServer server({}, R"([{"process": "nginx", "cpu": 50}])");
    server.start();
    const std::string before = read_text(server.rules());
    EXPECT_TRUE(holds(done(server, {"config", "show"}), "nginx"));
    EXPECT_TRUE(holds(done(server, {"config", "set", "nginx", "memory", "200"}), "1 rule,"));
    EXPECT_TRUE(holds(done(server, {"config", "set", "my app", "cpu", "0.5"}), "2 rules"));
    EXPECT_TRUE(
        holds(done(server, {"config", "add", R"({"process": "db*", "disk": 10})"}), "added 1"));
    // As a shell passes it without quotes around the whole.
    EXPECT_TRUE(holds(
        done(server, {"config", "add", "{\"process\":", "\"x y\",", "\"cpu\":", "5}"}), "4 rules"));
    std::string output = done(server, {"config", "show"});
    for (const char* part : {"\"nginx\"", "200", "\"my app\"", "0.5", "\"db*\"", "\"x y\""}) {
        EXPECT_TRUE(holds(output, part)) << part << " in " << output;
    }
    EXPECT_TRUE(holds(output, "config save")) << output;
    EXPECT_TRUE(holds(done(server, {"config", "remove", "my app"}), "removed 1"));
    EXPECT_EQ(read_text(server.rules()), before);
    done(server, {"config", "save"});
    EXPECT_TRUE(holds(read_text(server.rules()), "db*"));
    const std::string copy = server.directory() + "/copy of it.json";
    done(server, {"config", "save", copy});
    done(server, {"config", "remove", "db*"});
    EXPECT_FALSE(holds(done(server, {"config", "show"}), "db*"));
    done(server, {"config", "load", copy});
    EXPECT_TRUE(holds(done(server, {"config", "show"}), "db*"));

    expect_refused(server, {"config", "set", "nginx", "speed", "5"}, "cpu, memory, disk");
    expect_refused(server, {"config", "set", "nginx", "cpu", "much"}, "expected a number");
    expect_refused(server, {"config", "set", "nginx", "cpu", "-1"}, "expected a number");
    expect_refused(server, {"config", "set", "nginx", "cpu"}, "config set PROCESS");
    expect_refused(server, {"config", "set", "", "cpu", "5"}, "process");
    expect_refused(server, {"config", "add", "{\"process\": 5}"}, "config add:1:");
    expect_refused(server, {"config", "add"}, "expected a rule");
    expect_refused(server, {"config", "remove", "nobody"}, "no rule for");
    expect_refused(server, {"config", "load", "/no/such/file"}, "nothing was changed");
    expect_refused(server, {"config", "save", "/no/such/file"}, "/no/such/file");
    expect_refused(server, {"config", "burn"}, "no 'config burn'");
    EXPECT_TRUE(holds(done(server, {"config", "show"}), "db*"));

    // A restarted server has the saved rules.
    server.stop();
    server.start();
    EXPECT_TRUE(holds(done(server, {"config", "show"}), "db*"));
    EXPECT_EQ(done(server, {"quit"}), "");
    EXPECT_EQ(server.program().wait(), 0);
}

TEST(Ctl, AgentsEventsAndStats) {
    FleetServer server;
    server.start();
    struct stat info {};
    ASSERT_EQ(::stat(server.control().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U);
    EXPECT_TRUE(holds(done(server, {"help"}), "config set PROCESS METRIC VALUE"));
    EXPECT_TRUE(holds(done(server, {"agents"}), "0 agents connected"));
    EXPECT_EQ(done(server, {"events"}), "");

    {
        Peer peer(fleet_port);
        std::string text = peer.hello("web-1");
        for (uint64_t i = 1; i <= 30; i++) {
            text += peer_event(i, static_cast<int64_t>(i));
        }
        ASSERT_TRUE(peer.send(text));
        ASSERT_TRUE(peer.acknowledged(30));
        // Sent again: dropped, and acknowledged again.
        ASSERT_TRUE(peer.send(peer_event(30, 30)));
        ASSERT_TRUE(peer.acknowledged(30));
        const std::string agents = done(server, {"agents"});
        EXPECT_TRUE(holds(agents, "web-1")) << agents;
        EXPECT_TRUE(holds(agents, "1 agent connected")) << agents;
        EXPECT_EQ(server.stat("events_taken"), 30U);
        EXPECT_EQ(server.stat("events_again"), 1U);
        EXPECT_EQ(server.stat("connections_now"), 1U);

        const auto lines = [&](const Strings& words) {
            const std::string output = done(server, words);
            return std::count(output.begin(), output.end(), '\n');
        };
        EXPECT_EQ(lines({"events"}), 10);
        EXPECT_EQ(lines({"events", "3"}), 3);
        EXPECT_EQ(lines({"events", "100"}), 30);
        EXPECT_TRUE(holds(done(server, {"events", "1"}), "\"journal_seq\":30,"));

        Program follow({"ctl", "--control", server.control(), "follow"}, quiet());
        const auto follows = [&] {
            // `follow` may not have begun yet: send a new line each time.
            static uint64_t next = 31;
            EXPECT_TRUE(peer.send(peer_event(next, static_cast<int64_t>(next))));
            EXPECT_TRUE(peer.acknowledged(next));
            next++;
            follow.read_new();
            return holds(follow.output(), "\"number\":");
        };
        wait_until(follows, "a line that follows");
        follow.send(SIGINT);
        EXPECT_EQ(follow.wait(), 128 + SIGINT);
    }
    wait_until([&] { return holds(done(server, {"agents"}), " disconnected "); },
               "a disconnected agent");

    expect_refused(server, {"events", "none"}, "events [N]");
    expect_refused(server, {"events", "0"}, "events [N]");
    expect_refused(server, {"fly"}, "no command fly");
    EXPECT_EQ(server.ctl({}).exit_code, 2);
    EXPECT_EQ(server.ctl({"config", "add", "two\nlines"}).exit_code, 2);
    server.stop();
    const Outcome nobody = server.ctl({"stats"});
    EXPECT_EQ(nobody.exit_code, 1);
    EXPECT_TRUE(holds(nobody.errors, "running?")) << nobody.errors;
}

// The socket of a killed server does not prevent the next start.
TEST(Ctl, SocketOfAKilledServer) {
    FleetServer server;
    server.start();
    server.kill();
    EXPECT_EQ(server.ctl({"stats"}).exit_code, 1);
    server.start();
    EXPECT_EQ(server.ctl({"stats"}).exit_code, 0);
    server.stop();
}

}  // namespace
}  // namespace vigil::tests
