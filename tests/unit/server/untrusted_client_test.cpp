// SPDX-License-Identifier: Apache-2.0
// Clients that violate the protocol: each gets the reason, is counted, and does not disturb others.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>

#include "server/running_server.h"
#include "support/journal.h"
#include "support/json.h"
#include "support/printable.h"

namespace vigil::server {
namespace {

constexpr const char* uuid = wire::some_uuid;

class UntrustedClientTest : public ::testing::Test {
 protected:
    UntrustedClientTest() {
        options_.port = 0;
        options_.configuration = directory_.write("limits.json", R"([{"process":"a","cpu":1}])");
        options_.log = directory_.path("events.log");
    }
    ~UntrustedClientTest() override {
        // A client that follows the protocol was not disturbed.
        if (good_) {
            EXPECT_TRUE(good_->send(event_line(2)));
            EXPECT_NE(good_->line_of("ack").find("\"seq\":2"), std::string::npos);
        }
    }

    uint16_t start() {
        running_.emplace(options_);
        return running_->port();
    }
    // With one agent that follows the protocol all the time.
    uint16_t start_with_agent() {
        start();
        good_.emplace(running_->port());
        EXPECT_TRUE(good_->send(hello_line("good", wire::other_uuid) + event_line(1)));
        EXPECT_NE(good_->line_of("ack").find("\"seq\":1"), std::string::npos);
        return running_->port();
    }
    void expect_refused(Client& client, CloseReason close_reason, const std::string& reason) {
        const std::string last = client.last_line();
        EXPECT_EQ(last.rfind("{\"type\":\"error\",\"reason\":\"", 0), 0U) << last;
        EXPECT_NE(last.find(reason), std::string::npos) << last;
        EXPECT_TRUE(test::parse_json_object(last)) << last;
        EXPECT_EQ(running_->close_count(close_reason), 1U) << to_string(close_reason);
        EXPECT_EQ(running_->total_close_count(), 1U);
        EXPECT_TRUE(running_->has_notice("refused: ")) << running_->notices();
        const std::string notices = running_->notices();
        EXPECT_EQ(notices.find('\x1b'), std::string::npos);
    }
    void expect_refused(const std::string& bytes, CloseReason close_reason,
                        const std::string& reason) {
        Client client(start_with_agent());
        (void)client.send(bytes);
        expect_refused(client, close_reason, reason);
    }

    const test::TempDirectory directory_;
    Options options_;
    std::optional<Running> running_;
    std::optional<Client> good_;
};

TEST_F(UntrustedClientTest, ServesAValidClient) {
    Client client(start());
    ASSERT_TRUE(client.send(hello_line("web-1", uuid)));
    const auto welcome = wire::parsed_from_server<wire::Welcome>(client.line());
    EXPECT_EQ(welcome.journal, uuid);
    EXPECT_EQ(welcome.sequence, 0U);
    const auto config = wire::parsed_from_server<wire::Config>(client.line());
    EXPECT_EQ(config.hash, wire::sha256_hex(config.rules));
    // In pieces, with a different line end and spacing.
    for (const char byte : event_line(1)) {
        ASSERT_TRUE(client.send(std::string_view(&byte, 1)));
    }
    ASSERT_TRUE(
        client.send("{\"journal_seq\": 2, \"kind\": \"fork\", \"time\": "
                    "\"2026-11-20T22:33:49.123456Z\"}\r\n"));
    EXPECT_EQ(wire::parsed_from_server<wire::Ack>(client.line_of("ack")).journal, uuid);
    ASSERT_TRUE(test::becomes_true([&] {
        return running_->call([](ServerState& state) { return state.log().synced(); }) == 2;
    }));
    const auto lines = logged(options_.log);
    ASSERT_EQ(lines.size(), 2U);
    for (uint64_t i = 0; i < 2; i++) {
        EXPECT_EQ(lines[i].agent, "web-1");
        EXPECT_EQ(lines[i].journal, uuid);
        EXPECT_EQ(lines[i].sequence, i + 1);
        EXPECT_TRUE(test::parse_json_object(lines[i].line)) << lines[i].line;
    }
    // Every status is answered.
    ASSERT_TRUE(client.send(wire::format(wire::AgentStatus{})));
    EXPECT_NE(client.line_of("ack"), "");
    EXPECT_EQ(running_->total_close_count(), 0U);
    EXPECT_NE(running_->run("agents").text.find("\n1 agent connected\n"), std::string::npos);
    client.shutdown_write();
    EXPECT_EQ(client.last_line(), "");
    EXPECT_TRUE(test::becomes_true([&] { return running_->sessions() == 0; }));
    EXPECT_NE(running_->run("agents").text.find(" disconnected "), std::string::npos);
}

// A file that is not a socket was not left by a server.
TEST_F(UntrustedClientTest, KeepsAFileAtTheSocketPath) {
    options_.control = directory_.write("notes.txt", "mine");
    const auto server = Server::open(options_, [](const std::string&) {});
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code, ErrorCode::usage);
    EXPECT_EQ(test::content_of(*options_.control), "mine");
}

TEST_F(UntrustedClientTest, RefusesALogThatIsNone) {
    const auto refused = [&](const std::string& part) {
        const auto server = Server::open(options_, [](const std::string&) {});
        ASSERT_FALSE(server);
        EXPECT_EQ(server.error().code, ErrorCode::usage);
        EXPECT_NE(server.error().context.find(part), std::string::npos) << server.error().context;
    };
    options_.log = *options_.configuration;
    refused("expected another one for the log");
    EXPECT_EQ(test::content_of(options_.log), R"([{"process":"a","cpu":1}])");
    options_.log = directory_.write("other.json", R"([{"process":"b","cpu":1}])");
    refused("holds what vigil did not write");
    EXPECT_EQ(test::content_of(options_.log), R"([{"process":"b","cpu":1}])");
    for (const char* device : {"/dev/null", "/dev/zero", ""}) {
        options_.log = device;
        refused("expected ");
    }
    options_.log = directory_.path("new.log");
    directory_.write("new.log.ledger", "notes\n");
    refused("is not an index of vigil");
    EXPECT_EQ(test::content_of(directory_.path("new.log.ledger")), "notes\n");
}

TEST_F(UntrustedClientTest, AServerThatCanNotListenLeavesNoFiles) {
    start();
    Options second = options_;
    second.port = running_->port();
    second.log = directory_.path("second.log");
    EXPECT_FALSE(Server::open(second, [](const std::string&) {}));
    for (const std::string& name : test::names_in(directory_.path(""))) {
        EXPECT_FALSE(name.starts_with("second")) << name;
    }
}

TEST_F(UntrustedClientTest, ALogBehindALinkIsWhereTheLinkPoints) {
    ASSERT_EQ(::mkdir(directory_.path("logs").c_str(), 0700), 0);
    ASSERT_EQ(::symlink("logs/events.log", directory_.path("link").c_str()), 0);
    options_.log = directory_.path("link");
    start_with_agent();
    EXPECT_NE(test::content_of(directory_.path("logs/events.log")), "");
    good_.reset();
}

TEST_F(UntrustedClientTest, LocalhostIsWhereAgentsLookForIt) {
    options_.address = "localhost";
    EXPECT_GT(start_with_agent(), 0);
}

TEST_F(UntrustedClientTest, AConfigurationThatIsGoneIsReported) {
    start();
    ASSERT_EQ(::unlink(options_.configuration->c_str()), 0);
    EXPECT_TRUE(test::becomes_true([&] { return running_->has_notice("its rules stay in use"); }));
}

TEST_F(UntrustedClientTest, CreatesTheLogDirectory) {
    options_.log = directory_.path("a/b/events.log");
    Client client(start());
    ASSERT_TRUE(client.send(hello_line("web-1", uuid) + event_line(1)));
    EXPECT_NE(client.line_of("ack"), "");
    EXPECT_EQ(logged(options_.log).size(), 1U);
}

TEST_F(UntrustedClientTest, KeepsEventsReceivedBeforeAnError) {
    Client client(start());
    ASSERT_TRUE(client.send(hello_line("web-1", uuid) + event_line(1) + event_line(2) + "x\n" +
                            event_line(3)));
    expect_refused(client, CloseReason::bad_line, "no valid JSON");
    running_.reset();
    EXPECT_EQ(logged(options_.log).size(), 2U);
}

TEST_F(UntrustedClientTest, NamesTheInvalidEvent) {
    Client client(start());
    ASSERT_TRUE(client.send(hello_line("web-1", uuid) + R"({"kind":"x","journal_seq":77})" + '\n'));
    const auto error_message = wire::parsed_from_server<wire::ErrorMessage>(client.last_line());
    EXPECT_EQ(error_message.sequence, 77U);
}

TEST_F(UntrustedClientTest, Garbage) {
    expect_refused("GET / HTTP/1.1\r\n", CloseReason::bad_line, "no valid JSON");
}

TEST_F(UntrustedClientTest, EscapesGarbageInMessages) {
    expect_refused(hello_line("web-1", uuid) + "{\"type\":\"\x1b[2J\xe2\x80\xae\"}\n",
                   CloseReason::bad_line, "no valid JSON");
}

TEST_F(UntrustedClientTest, BinaryNoise) {
    std::mt19937 random(7);
    std::string noise(1 << 20, '\0');
    for (char& byte : noise) {
        byte = static_cast<char>(random());
    }
    expect_refused(noise, CloseReason::bad_line, "no valid JSON");
}

TEST_F(UntrustedClientTest, AcceptsALineOfMaximumLength) {
    Client client(start());
    const std::string spaces(wire::max_agent_line_bytes - hello_line("web-1", uuid).size() + 1,
                             ' ');
    ASSERT_TRUE(client.send(spaces + hello_line("web-1", uuid)));
    EXPECT_NE(client.line_of("welcome"), "");
}

TEST_F(UntrustedClientTest, RejectsAnOversizedLine) {
    expect_refused(std::string(wire::max_agent_line_bytes + 1, ' ') + '\n', CloseReason::long_line,
                   "a line is over 65536 bytes");
}

TEST_F(UntrustedClientTest, RejectsAnEndlessLine) {
    expect_refused(hello_line("web-1", uuid) + event_line(1) + std::string(3 << 20, 'x'),
                   CloseReason::long_line, "a line is over 65536 bytes");
}

TEST_F(UntrustedClientTest, AnEventBeforeHello) {
    expect_refused(event_line(1), CloseReason::bad_line,
                   "expected \\\"hello\\\" as the first line");
}

TEST_F(UntrustedClientTest, HelloTwice) {
    expect_refused(hello_line("web-1", uuid) + hello_line("web-1", uuid), CloseReason::bad_line,
                   "\\\"hello\\\" came twice");
}

TEST_F(UntrustedClientTest, AnotherProtocol) {
    wire::Hello hello;
    hello.agent = "web-1";
    hello.journal = uuid;
    hello.protocol = 2;
    expect_refused(wire::format(hello), CloseReason::bad_line, "speaks version 1");
}

TEST_F(UntrustedClientTest, ClosesWithoutHello) {
    options_.handshake_timeout_s = 1;
    expect_refused("", CloseReason::silent, "nothing was received for 1 s");
}

TEST_F(UntrustedClientTest, ClosesOnASlowHello) {
    options_.handshake_timeout_s = 1;
    Client client(start_with_agent());
    std::thread drip([&] {
        while (client.send(" ")) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    });
    EXPECT_TRUE(
        test::becomes_true([&] { return running_->close_count(CloseReason::silent) == 1; }));
    EXPECT_TRUE(test::becomes_true([&] { return running_->sessions() == 1; })) << "it is closed";
    drip.join();
    EXPECT_EQ(running_->total_close_count(), 1U);
}

TEST_F(UntrustedClientTest, ClosesOnSilenceAfterHello) {
    options_.silence_timeout_s = 1;
    Client client(start());
    ASSERT_TRUE(client.send(hello_line("web-1", uuid)));
    expect_refused(client, CloseReason::silent, "nothing was received for 1 s");
}

TEST_F(UntrustedClientTest, ClosesASlowReader) {
    options_.max_unsent_bytes = 64 << 10;
    Client client(start_with_agent(), 4096);
    std::string many = hello_line("web-1", uuid);
    while (many.size() < 1 << 20) {
        // Of acknowledgements only the newest waits; each change of the journal is answered.
        many += wire::format(wire::JournalChange{.journal = uuid, .next_sequence = 1});
    }
    size_t sent = 0;
    while (client.send(many) && sent < 200) {
        many = many.substr(sent++ == 0 ? hello_line("web-1", uuid).size() : 0);
    }
    EXPECT_LT(sent, 200U) << "it was never closed";
    EXPECT_EQ(running_->close_count(CloseReason::slow_reader), 1U);
    EXPECT_EQ(running_->total_close_count(), 1U);
    EXPECT_TRUE(running_->has_notice("does not read what is sent"));
}

TEST_F(UntrustedClientTest, RejectsConnectionsBeyondTheLimit) {
    options_.max_connections = 2;
    start_with_agent();
    std::optional<Client> second(running_->port());
    ASSERT_TRUE(second->send(hello_line("web-1", uuid)));
    EXPECT_NE(second->line_of("welcome"), "");
    {
        Client third(running_->port());
        (void)third.send(hello_line("web-2", uuid));
        expect_refused(third, CloseReason::too_many, "the maximum");
    }
    second.reset();
    EXPECT_TRUE(test::becomes_true([&] { return running_->sessions() == 1; }));
    Client again(running_->port());
    ASSERT_TRUE(again.send(hello_line("web-2", uuid)));
    EXPECT_NE(again.line_of("welcome"), "") << "there is room again";
}

// Silent connections have a budget of their own: the oldest of the address with the most go first.
TEST_F(UntrustedClientTest, SilentConnectionsKeepNoAgentOut) {
    options_.max_connections = 2;
    options_.max_greeting = 40;
    start_with_agent();
    std::vector<std::unique_ptr<Client>> silent;
    for (int i = 0; i < 200; i++) {
        silent.push_back(std::make_unique<Client>(running_->port()));
    }
    EXPECT_TRUE(
        test::becomes_true([&] { return running_->close_count(CloseReason::too_many) >= 160; }));
    EXPECT_LT(running_->sessions(), 60U);
    Client agent(running_->port());
    ASSERT_TRUE(agent.send(hello_line("web-1", uuid)));
    EXPECT_NE(agent.line_of("welcome"), "");
    EXPECT_TRUE(running_->has_notice("they had sent no hello"));
    silent.clear();
}

TEST_F(UntrustedClientTest, AcknowledgementsNobodyReadsDoNotPileUp) {
    options_.max_unsent_bytes = 16 << 10;
    Client client(start_with_agent(), 4096);
    ASSERT_TRUE(client.send(hello_line("web-1", uuid)));
    std::string many;
    for (uint64_t i = 1; i <= 2000; i++) {
        many += event_line(i) + wire::format(wire::AgentStatus{});
    }
    ASSERT_TRUE(client.send(many));
    EXPECT_TRUE(test::becomes_true([&] { return running_->stats().events == 2001; }));
    std::string last;
    while (last.find("\"seq\":2000") == std::string::npos) {
        last = client.line_of("ack");
        ASSERT_NE(last, "") << "closed";
    }
    EXPECT_EQ(running_->close_count(CloseReason::slow_reader), 0U);
}

// Even refusals with a reason are bounded.
TEST_F(UntrustedClientTest, BoundsRejectedConnections) {
    options_.max_connections = 1;
    start_with_agent();
    std::vector<std::unique_ptr<Client>> crowd;
    for (int i = 0; i < 100; i++) {
        crowd.push_back(std::make_unique<Client>(running_->port()));
    }
    EXPECT_TRUE(
        test::becomes_true([&] { return running_->close_count(CloseReason::too_many) == 100; }));
    EXPECT_LT(running_->sessions(), 50U);
    crowd.clear();
    EXPECT_TRUE(test::becomes_true([&] { return running_->sessions() == 1; }));
}

TEST_F(UntrustedClientTest, ReplacesAnOlderConnectionOfTheSameAgent) {
    Client older(start());
    ASSERT_TRUE(older.send(hello_line("web-1", uuid) + event_line(1)));
    EXPECT_NE(older.line_of("ack").find("\"seq\":1"), std::string::npos);
    Client newer(running_->port());
    ASSERT_TRUE(newer.send(hello_line("web-1", uuid)));
    EXPECT_EQ(wire::parsed_from_server<wire::Welcome>(newer.line_of("welcome")).sequence, 1U);
    expect_refused(older, CloseReason::replaced, "newer connection");
    ASSERT_TRUE(newer.send(event_line(1) + event_line(2)));
    EXPECT_NE(newer.line_of("ack").find("\"seq\""), std::string::npos);
    ASSERT_TRUE(test::becomes_true([&] { return running_->stats().events == 2; }));
    EXPECT_EQ(running_->stats().duplicates, 1U);
    running_.reset();
    EXPECT_EQ(logged(options_.log).size(), 2U);
}

TEST_F(UntrustedClientTest, CountsMissingSequences) {
    Client client(start());
    ASSERT_TRUE(client.send(hello_line("web-1", uuid, 5) + event_line(5) + event_line(6) +
                            event_line(10) + event_line(6) + event_line(11)));
    ASSERT_TRUE(test::becomes_true([&] { return running_->stats().events == 4; }));
    EXPECT_EQ(running_->stats().missing, 3U) << "7, 8 and 9; nothing before the first one";
    EXPECT_EQ(running_->stats().duplicates, 1U);
}

TEST_F(UntrustedClientTest, ServesManyClients) {
    start_with_agent();
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 50; i++) {
        clients.push_back(std::make_unique<Client>(running_->port()));
        std::string lines = hello_line("agent-" + std::to_string(i), uuid);
        for (uint64_t n = 1; n <= 20; n++) {
            lines += event_line(n);
        }
        ASSERT_TRUE(clients.back()->send(lines + (i % 2 == 0 ? "garbage\n" : "")));
    }
    ASSERT_TRUE(test::becomes_true([&] { return running_->stats().events == 1001; }));
    EXPECT_TRUE(
        test::becomes_true([&] { return running_->close_count(CloseReason::bad_line) == 25; }));
}

}  // namespace
}  // namespace vigil::server
