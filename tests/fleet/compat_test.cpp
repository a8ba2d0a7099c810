// SPDX-License-Identifier: Apache-2.0
// Peers of another version: what docs/compat.md says of events and configurations.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <optional>
#include <string>

#include "fleet.h"
#include "peer.h"

namespace vigil::tests {
namespace {

// The agent's status after a configuration with this hash came: its rules' hash, or an error.
Event status_with(Peer& agent, const std::string& key, const std::string& part) {
    while (const auto line = agent.line_of_type("status")) {
        const auto status = Event::parse(*line);
        if (status && status->text(key).find(part) != std::string::npos) {
            return *status;
        }
    }
    ADD_FAILURE() << "no status whose " << key << " contains " << part;
    return {};
}

void send_rules(Peer& agent, const std::string& hash, const std::string& rules) {
    EXPECT_TRUE(agent.send(
        fmt::format("{{\"type\":\"config\",\"hash\":\"{}\",\"rules\":{}}}\n", hash, rules)));
}

TEST(Compat, AnEventOfAnUnknownKindIsLoggedUnchanged) {
    FleetServer server;
    server.start();
    Peer newer(fleet_port);
    ASSERT_TRUE(newer.send(newer.hello("newer")));
    ASSERT_TRUE(newer.line_of_type("welcome"));
    const std::string members =
        R"("time":"2026-01-01T00:00:00.000000Z","kind":"checkpoint_restored","pid":7,)"
        R"("of_a_later_version":{"list":[1,-2.5,null,true,"\u0000\n"],"big":18446744073709551615},)"
        R"("journal_seq":1)";
    ASSERT_TRUE(newer.send('{' + members + "}\n"));
    ASSERT_TRUE(newer.acknowledged(1));
    EXPECT_EQ(read_text(server.log()),
              '{' + members + R"(,"agent":"newer","journal":")" + newer.journal() + "\"}\n");
}

// A limit that is not understood must not look like one that is kept.
TEST(Compat, AnAgentKeepsItsRulesWhenAKeyIsUnknown) {
    const PeerServer server(fleet_port);
    const TempDirectory directory;
    FleetAgent agent(directory.path());
    agent.start();
    Peer connection = server.accept();
    const std::string known(64, 'a');
    const std::string later(64, 'b');
    send_rules(connection, known, hog_rule);
    status_with(connection, "config", known);
    send_rules(connection, later,
               R"([{"process": "fleet-hog", "memory": 30000, "of_a_later_version": 5}])");
    const Event refused = status_with(connection, "config_error", "of_a_later_version");
    EXPECT_EQ(refused.text("config"), known);
    EXPECT_EQ(refused.number("rules"), 1);

    const pid_t hog = start_hog();
    std::optional<std::string> line;
    const std::string pid = fmt::format(R"("pid":{},)", hog);
    while ((line = connection.line()) &&
           (line->find(pid) == std::string::npos || line->find("violation") == std::string::npos)) {
    }
    EXPECT_TRUE(line) << "the rules of before are not in force";
    kill_and_wait(hog, SIGKILL);
    agent.stop();
}

TEST(Compat, TheServerShowsWhichAgentRefusesItsRules) {
    FleetServer server;
    server.start();
    Peer older(fleet_port);
    ASSERT_TRUE(older.send(older.hello("older")));
    ASSERT_TRUE(older.line_of_type("config"));
    std::string status = peer_status();
    const std::string none = R"("config_error":"")";
    status.replace(status.find(none), none.size(),
                   R"("config_error":"server:1:2: unknown key \"per\"")");
    ASSERT_TRUE(older.send(status));
    ASSERT_TRUE(older.line_of_type("ack"));
    const std::string agents = server.ctl({"agents"}).output;
    EXPECT_NE(agents.find(R"(refused: "server:1:2: unknown key \"per\"")"), std::string::npos)
        << agents;
}

}  // namespace
}  // namespace vigil::tests
