// SPDX-License-Identifier: Apache-2.0
// Deaths on an agent's machine: which of them the server gets, and queries on the machine
// afterwards.
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "fleet.h"

namespace vigil::tests {
namespace {

std::optional<Event> find_event(const ServerLog& log, const std::string& kind, pid_t pid) {
    for (const LogLine& line : log.of(kind)) {
        if (auto event = Event::parse(line.text); event && event->pid() == pid) {
            return event;
        }
    }
    return std::nullopt;
}

TEST(FleetDeaths, HoldTheLimitsThatWereBroken) {
    FleetServer server({}, hog_rule);
    const TempDirectory state;
    FleetAgent agent(state.path());
    server.start();
    agent.start();
    ASSERT_TRUE(agent.program().wait_for_error("1 rule from the server"));
    const pid_t hog = start_hog();
    server.wait_for_log(
        [&](const ServerLog& log) { return find_event(log, "violation", hog).has_value(); },
        "the violation");
    kill_and_wait(hog, SIGKILL);
    ASSERT_TRUE(server.wait_for_death(hog));
    const auto death = find_event(server.read(), "death", hog);
    ASSERT_TRUE(death);
    EXPECT_EQ(death->strings("broken_metrics"), Strings{"memory"});
    EXPECT_EQ(death->numbers("broken_limits"), std::vector<int64_t>{30});
    EXPECT_EQ(death->number("killer_pid"), ::getpid());

    const Outcome why = run_vigil({"why", std::to_string(hog), "--state", state.path()});
    EXPECT_EQ(why.exit_code, 0) << why.errors;
    EXPECT_NE(why.output.find("was killed by SIGKILL"), std::string::npos) << why.output;
    EXPECT_NE(why.output.find("> 30 MB since "), std::string::npos) << why.output;
    agent.stop();
    server.stop();
}

// The violation comes last: everything expected before it has arrived.
void expect_sent(const Strings& options, bool killed_comes, bool failed_comes, bool clean_comes) {
    FleetServer server({}, hog_rule);
    const TempDirectory state;
    FleetAgent agent(state.path(), options);
    server.start();
    agent.start();
    ASSERT_TRUE(agent.program().wait_for_error("1 rule from the server"));
    const pid_t killed = start_sleeper();
    kill_and_wait(killed, SIGKILL);
    const pid_t failed = start([] { return 3; });
    wait_for(failed);
    const pid_t clean = start([] { return 0; });
    wait_for(clean);
    const pid_t hog = start_hog();
    server.wait_for_log(
        [&](const ServerLog& log) { return find_event(log, "violation", hog).has_value(); },
        "the violation");
    kill_and_wait(hog, SIGKILL);
    agent.stop();
    const ServerLog log = server.read();
    EXPECT_EQ(find_event(log, "death", killed).has_value(), killed_comes);
    EXPECT_EQ(find_event(log, "death", failed).has_value(), failed_comes);
    EXPECT_EQ(find_event(log, "death", clean).has_value(), clean_comes);
    server.stop();
    for (const pid_t pid : {killed, failed, clean}) {
        const Outcome why = run_vigil({"why", std::to_string(pid), "--state", state.path()});
        EXPECT_EQ(why.exit_code, 0) << "all are kept on the machine: " << why.errors;
    }
}

TEST(FleetDeaths, TheServerGetsThoseThatWereKilledOrFailed) { expect_sent({}, true, true, false); }
TEST(FleetDeaths, TheServerGetsAll) { expect_sent({"--deaths", "all"}, true, true, true); }
TEST(FleetDeaths, TheServerGetsNone) { expect_sent({"--deaths", "none"}, false, false, false); }

TEST(FleetDeaths, TimeWithoutMonitoringIsReported) {
    FleetServer server;
    const TempDirectory state;
    FleetAgent agent(state.path());
    server.start();
    agent.start();
    agent.wait_for_server();
    agent.kill();
    const pid_t unseen = start([] { return 0; });
    wait_for(unseen);
    agent.start();
    agent.wait_for_server();
    agent.stop();
    const Outcome why = run_vigil({"why", std::to_string(unseen), "--state", state.path()});
    EXPECT_EQ(why.exit_code, 1) << why.output;
    EXPECT_NE((why.output + why.errors).find("not monitored"), std::string::npos)
        << why.output << why.errors;
    server.stop();
}

}  // namespace
}  // namespace vigil::tests
