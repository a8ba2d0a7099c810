// SPDX-License-Identifier: Apache-2.0
// Agents and a server in one process: configurations and lines arrive exactly once and in order,
// whichever side is restarted in between.
#include "agent/server_client.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "agent/connected_agent.h"
#include "server/running_server.h"
#include "support/json.h"

namespace vigil::agent {
namespace {

class ServerClientTest : public ::testing::Test {
 protected:
    ServerClientTest() {
        options_.port = 0;
        options_.configuration = directory_.write("limits.json", R"([{"process":"a","cpu":1}])");
        options_.log = directory_.path("events.log");
    }
    // On the same port as before.
    void start() {
        server_.reset();
        server_.emplace(options_);
        options_.port = server_->port();
    }
    std::string state(const std::string& name = "agent") const { return directory_.path(name); }

    // The log has the lines with these numbers, in this order, without duplicate ids.
    void expect_logged(const std::vector<uint64_t>& numbers) {
        std::vector<uint64_t> found;
        std::map<std::string, uint64_t> last;
        for (const auto& line : server::logged(options_.log)) {
            EXPECT_TRUE(test::parse_json_object(line.line)) << line.line;
            found.push_back(number_in(line.line));
            uint64_t& before = last[line.agent + ' ' + line.journal];
            EXPECT_GT(line.sequence, before) << line.line;
            before = line.sequence;
        }
        EXPECT_EQ(found, numbers);
    }

    const test::TempDirectory directory_;
    server::Options options_;
    std::optional<server::Running> server_;
};

TEST_F(ServerClientTest, TheConfigurationArrivesAndSoDoesAChangedOne) {
    start();
    ConnectedAgent agent(state(), options_.port);
    ASSERT_TRUE(agent.is_connected());
    EXPECT_EQ(agent.client().state().server, "127.0.0.1:" + std::to_string(options_.port));
    const wire::Config first = agent.config();
    EXPECT_EQ(first.hash, wire::sha256_hex(first.rules));
    EXPECT_NE(first.rules.find("\"a\""), std::string::npos);
    wire::AgentStatus status;
    status.config = first.hash;
    agent.client().set_status(status);

    const server::Reply reply = server_->run("config set b memory 5");
    EXPECT_NE(reply.text.find("sent to 1 agent"), std::string::npos) << reply.text;
    const wire::Config second = agent.config();
    EXPECT_NE(second.hash, first.hash);
    EXPECT_NE(second.rules.find("\"b\""), std::string::npos);
    EXPECT_NE(server_->run("config set b memory 5").text.find("sent to 0 agents"),
              std::string::npos)
        << "nothing new";
    status.config = second.hash;
    status.processes = 77;
    agent.client().set_status(status);
    EXPECT_TRUE(test::becomes_true([&] {
        const std::string text = server_->run("agents").text;
        return text.find(second.hash.substr(0, 12)) != std::string::npos &&
               text.find("->") == std::string::npos && text.find("77") != std::string::npos;
    }));
    status.config_error = "no such key";
    agent.client().set_status(status);
    EXPECT_TRUE(test::becomes_true([&] {
        return server_->run("agents").text.find("refused: \"no such key\"") != std::string::npos;
    }));
}

TEST_F(ServerClientTest, AHostGetsItsOwnConfiguration) {
    std::filesystem::create_directory(directory_.path("rules"));
    directory_.write("rules/web-*.json", R"([{"process":"w","cpu":1}])");
    options_.configuration_directory = directory_.path("rules");
    start();
    ConnectedAgent web(state("web"), options_.port);
    ConnectedAgent::Options db_options;
    db_options.name = db_options.host = "db-1";
    ConnectedAgent db(state("db"), options_.port, db_options);
    EXPECT_NE(web.config().rules.find("\"w\""), std::string::npos);
    EXPECT_NE(db.config().rules.find("\"a\""), std::string::npos);
}

TEST_F(ServerClientTest, EventsArriveOnceInOrderAndStamped) {
    start();
    ConnectedAgent agent(state(), options_.port);
    agent.add(1, 2000);
    ASSERT_TRUE(agent.all_is_acknowledged());
    expect_logged(from_to(1, 2000));
    const auto first = server::logged(options_.log).front();
    EXPECT_EQ(first.agent, "web-1");
    EXPECT_EQ(first.journal, agent.spool().begin().journal);
    EXPECT_EQ(first.sequence, 1U);
    std::string expected = spool_line(1);
    expected.resize(expected.size() - 2);
    EXPECT_EQ(first.line.rfind(expected, 0), 0U) << "the event is as it was";
    EXPECT_EQ(server_->stats().duplicates, 0U);
    EXPECT_EQ(server_->stats().missing, 0U);
    EXPECT_EQ(server_->total_close_count(), 0U);
}

TEST_F(ServerClientTest, LinesAddedBeforeTheServerStartsArrive) {
    start();
    server_->stop();
    {
        ConnectedAgent agent(state(), options_.port);
        agent.add(1, 10);
        EXPECT_NE(agent.error_with("refused"), "");
        EXPECT_FALSE(agent.client().state().connected);
    }
    ConnectedAgent agent(state(), options_.port);
    agent.add(11, 20);
    start();
    ASSERT_TRUE(agent.all_is_acknowledged());
    expect_logged(from_to(1, 20));
    EXPECT_EQ(server_->stats().duplicates, 0U);
    std::set<std::string> journals;
    for (const auto& line : server::logged(options_.log)) {
        journals.insert(line.journal);
    }
    EXPECT_EQ(journals.size(), 2U) << "each start has its own";
}

TEST_F(ServerClientTest, ARestartedServerHasEachLineOnce) {
    start();
    ConnectedAgent agent(state(), options_.port);
    uint64_t added = 0;
    for (int iteration = 0; iteration < 5; iteration++) {
        agent.add(added + 1, added + 300);
        added += 300;
        // Restart at any point while sending.
        start();
        ASSERT_TRUE(agent.is_connected());
    }
    ASSERT_TRUE(agent.all_is_acknowledged());
    expect_logged(from_to(1, added));
}

TEST_F(ServerClientTest, ARestartedAgentSendsEachLineOnce) {
    start();
    uint64_t added = 0;
    for (int iteration = 0; iteration < 5; iteration++) {
        ConnectedAgent agent(state(), options_.port);
        agent.add(added + 1, added + 300);
        added += 300;
        if (iteration == 4) {
            ASSERT_TRUE(agent.all_is_acknowledged());
        }
    }
    expect_logged(from_to(1, added));
}

TEST_F(ServerClientTest, AServerWithoutItsDedupIndexReadsTheLog) {
    start();
    ConnectedAgent agent(state(), options_.port);
    agent.add(1, 100);
    ASSERT_TRUE(agent.all_is_acknowledged());
    server_->stop();
    ASSERT_TRUE(std::filesystem::remove(options_.log + ".ledger"));
    // Lines without a received acknowledgement are sent again.
    const auto copy = directory_.path("copy");
    std::filesystem::copy(state(), copy);
    directory_.write("copy/spool.state",
                     "vigil spool 1 0\n" + agent.spool().begin().journal + " 1\n");
    start();
    ConnectedAgent again(copy, options_.port);
    ASSERT_TRUE(again.all_is_acknowledged());
    expect_logged(from_to(1, 100));
}

TEST_F(ServerClientTest, ARejectedLineBlocksNoOther) {
    start();
    ConnectedAgent agent(state(), options_.port);
    agent.add(1, 3);
    agent.add_line("{\"time\":\"never\",\"kind\":\"fork\",\"n\":4}\n");
    agent.add(5, 6);
    agent.add_line("damaged on a disk \x01\xff\n");
    agent.add(8, 9);
    agent.add_line("{\"agent\":\"other\",\"time\":\"never\",\"kind\":\"fork\"}\n");
    agent.add_line(spool_line(11, 100'000));
    agent.add(12, 13);
    ASSERT_TRUE(agent.all_is_acknowledged());
    expect_logged({1, 2, 3, 5, 6, 8, 9, 12, 13});
    uint64_t refused = 0;
    while (const auto loss = agent.refused()) {
        refused += loss->count;
        EXPECT_LE(loss->from_unix_ns, loss->to_unix_ns);
    }
    EXPECT_EQ(refused, 4U) << "they are reported as lost";
}

TEST_F(ServerClientTest, ACopyOfAnAgentSendsItsOwnLinesToo) {
    start();
    {
        ConnectedAgent agent(state(), options_.port);
        agent.add(1, 100);
    }
    std::filesystem::copy(state(), directory_.path("copy"));
    ConnectedAgent one(state(), options_.port);
    ConnectedAgent::Options options;
    options.host = "clone";
    ConnectedAgent two(directory_.path("copy"), options_.port, options);
    one.add(101, 150);
    two.add(201, 250);
    ASSERT_TRUE(one.all_is_acknowledged());
    ASSERT_TRUE(two.all_is_acknowledged());
    std::vector<uint64_t> found;
    for (const auto& line : server::logged(options_.log)) {
        found.push_back(number_in(line.line));
    }
    std::sort(found.begin(), found.end());
    std::vector<uint64_t> expected = from_to(1, 150);
    for (const uint64_t number : from_to(201, 250)) {
        expected.push_back(number);
    }
    EXPECT_EQ(found, expected);
}

TEST_F(ServerClientTest, UsesTheFirstServerThatAnswers) {
    start();
    const auto spool = open_spool(state());
    add_lines(*spool, 1, 5);
    ServerClientOptions options;
    options.servers = {{"127.0.0.1", 1}, {"no-such-host.invalid", 5}, {"127.0.0.1", options_.port}};
    options.hello.agent = "web-1";
    const auto inbox = open_inbox();
    const auto client = ServerClient::open(options, *spool, *inbox);
    ASSERT_TRUE(client);
    EXPECT_TRUE(test::becomes_true([&] { return (*client)->state().connected; }));
    EXPECT_TRUE(test::becomes_true([&] { return spool->queued() == 0; }));
    EXPECT_EQ((*client)->state().error, "");
}

TEST_F(ServerClientTest, RemoteServersRequireTls) {
    const auto spool = open_spool(state());
    ServerClientOptions options;
    options.servers = {{"127.0.0.1", 1}, {"192.0.2.1", 5}};
    options.hello.agent = "web-1";
    const auto inbox = open_inbox();
    const auto client = ServerClient::open(options, *spool, *inbox);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, ErrorCode::usage);
    EXPECT_NE(client.error().context.find("192.0.2.1:5"), std::string::npos);
    EXPECT_NE(client.error().context.find("--tls"), std::string::npos);
}

TEST_F(ServerClientTest, AnUnchangedConfigurationIsNotSentAgain) {
    start();
    ConnectedAgent agent(state(), options_.port);
    const wire::Config config = agent.config();
    wire::AgentStatus status;
    status.config = config.hash;
    agent.client().set_status(status);
    ASSERT_TRUE(test::becomes_true(
        [&] { return server_->run("agents").text.find("->") == std::string::npos; }));
    start();
    EXPECT_TRUE(test::becomes_true([&] { return server_->sessions() == 1; }));
    agent.add(1, 1);
    ASSERT_TRUE(agent.all_is_acknowledged());
    EXPECT_FALSE(agent.new_config()) << "it has come back with it";
}

}  // namespace
}  // namespace vigil::agent
