// SPDX-License-Identifier: Apache-2.0
// The server is away: the real agent monitors with its last rules, and spools.
#include <gtest/gtest.h>

#include <csignal>
#include <iterator>
#include <string>
#include <vector>

#include "fleet.h"

namespace vigil::tests {
namespace {

bool has_violation(const ServerLog& log, pid_t pid, const std::string& state = "raised") {
    for (const LogLine& line : log.of("violation")) {
        const auto event = Event::parse(line.text);
        if (event && event->pid() == pid && event->text("state") == state) {
            return true;
        }
    }
    return false;
}

std::vector<pid_t> kill_some(int count, int signal) {
    std::vector<pid_t> killed;
    for (int i = 0; i < count; i++) {
        killed.push_back(start_sleeper());
        kill_and_wait(killed.back(), signal);
    }
    return killed;
}

void expect_deaths(const ServerLog& log, const std::vector<pid_t>& pids,
                   const std::string& signal) {
    for (const pid_t pid : pids) {
        EXPECT_TRUE(has_death(log, pid, signal)) << pid;
    }
}

TEST(Reconnect, AndBack) {
    FleetServer server({}, hog_rule);
    const TempDirectory state;
    FleetAgent agent(state.path());
    server.start();
    agent.start();
    ASSERT_TRUE(agent.program().wait_for_error("1 rule from the server"));
    auto killed = kill_some(10, SIGKILL);
    server.wait_for_death(killed.back());
    server.stop();
    ASSERT_TRUE(agent.program().wait_for_error("vigil: no connection to 127.0.0.1:7411"));

    const auto more = kill_some(100, SIGKILL);
    killed.insert(killed.end(), more.begin(), more.end());
    const auto segv = kill_some(10, SIGSEGV);
    const pid_t hog = start_hog();
    server.start();
    server.wait_for_log([&](const ServerLog& log) { return has_violation(log, hog); },
                        "the violation");
    server.wait_for_death(segv.back(), "SIGSEGV");
    // Lines that it sends at its end arrive too.
    kill_and_wait(hog, SIGKILL);
    server.wait_for_death(hog);
    agent.stop();
    server.stop();
    const ServerLog log = server.read();
    expect_deaths(log, killed, "SIGKILL");
    expect_deaths(log, segv, "SIGSEGV");
    EXPECT_TRUE(has_violation(log, hog, "cleared"));
    EXPECT_EQ(missing(log), 0U);
}

TEST(Reconnect, AtTheAgentsStart) {
    FleetServer server({}, hog_rule);
    const TempDirectory state;
    FleetAgent agent(state.path());
    // No rules yet: deaths are reported nevertheless.
    agent.start();
    ASSERT_TRUE(agent.program().wait_for_error("no rules yet"));
    auto killed = kill_some(10, SIGKILL);
    server.start();
    ASSERT_TRUE(agent.program().wait_for_error("1 rule from the server"));
    server.wait_for_death(killed.back());
    agent.stop();
    server.stop();

    // With the cached rules.
    agent.start();
    ASSERT_TRUE(agent.program().wait_for_error("1 rule, the last from the server"));
    const pid_t hog = start_hog();
    const auto more = kill_some(10, SIGKILL);
    killed.insert(killed.end(), more.begin(), more.end());
    // It stops, and a third start sends everything to the server.
    agent.stop();
    agent.start();
    server.start();
    server.wait_for_log([&](const ServerLog& log) { return has_violation(log, hog); },
                        "the violation");
    server.wait_for_death(killed.back());
    agent.stop();
    kill_and_wait(hog, SIGKILL);
    server.stop();
    expect_deaths(server.read(), killed, "SIGKILL");
    EXPECT_EQ(missing(server.read()), 0U);
}

// The rules of a restarted server, and changes of them, are applied within two seconds.
TEST(Reconnect, RulesChange) {
    FleetServer server({}, hog_rule);
    const TempDirectory state;
    FleetAgent agent(state.path());
    server.start();
    agent.start();
    ASSERT_TRUE(agent.program().wait_for_error("1 rule from the server"));
    const uint64_t begin_ns = boot_now_ns();
    EXPECT_EQ(server.ctl({"config", "add", R"({"process": "other", "cpu": 50})"}).exit_code, 0);
    ASSERT_TRUE(agent.program().wait_for_error("2 rules from the server"));
    EXPECT_LT(boot_now_ns() - begin_ns, 2'000'000'000U);
    const auto shows_it = [&] {
        const std::string agents = server.ctl({"agents"}).output;
        const std::string hash = read_text(state.path() + "/rules").substr(0, 12);
        return agents.find(hash) != std::string::npos && agents.find("->") == std::string::npos;
    };
    wait_until(shows_it, "an agent that has reported its new rules");
    // A changed file is found by polling each second.
    write_file(server.rules(), "[]");
    ASSERT_TRUE(agent.program().wait_for_error("0 rules from the server"));
    write_file(server.rules(), "[{]");
    ASSERT_TRUE(server.program().wait_for_error("the rules stay as they were"));
    write_file(server.rules(), hog_rule);
    const pid_t hog = start_hog();
    server.wait_for_log([&](const ServerLog& log) { return has_violation(log, hog); },
                        "the violation");
    kill_and_wait(hog, SIGKILL);
    agent.stop();
    server.stop();
}

}  // namespace
}  // namespace vigil::tests
