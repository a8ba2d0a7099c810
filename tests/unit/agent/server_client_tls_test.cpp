// SPDX-License-Identifier: Apache-2.0
// Which peers may connect: certificates of agents and of the server, and the errors of both sides
// for invalid ones.
#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "agent/connected_agent.h"
#include "pki/test_certificates.h"
#include "server/running_server.h"
#include "wire/tls_endpoint.h"

namespace vigil::agent {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using server::CloseReason;

const std::string uuid = wire::some_uuid;

std::string server_file() {
    return pki::issued(pki::our_ca(), "logs.example.org", pki::Role::server, pki::valid(),
                       {"localhost", "127.0.0.1"});
}
std::string agent_file(const std::string& name = "web-1") {
    return pki::issued(pki::our_ca(), name, pki::Role::agent);
}

class ServerClientTlsTest : public ::testing::Test {
 protected:
    ServerClientTlsTest() {
        options_.port = 0;
        options_.configuration = directory_.write("limits.json", R"([{"process":"a","cpu":1}])");
        options_.log = directory_.path("events.log");
    }
    void start(const std::string& pem) {
        options_.tls = directory_.write("server.pem", pem, 0600);
        server_.emplace(options_);
    }
    ConnectedAgent::Options agent_with(const std::string& pem) const {
        ConnectedAgent::Options options;
        options.tls = directory_.write("agent.pem", pem, 0600);
        return options;
    }
    // The server's answer to these lines from a client with this certificate; or the error.
    std::string answer_to(const std::string& pem, const std::string& lines) {
        const auto own = wire::make_unchecked_context(pki::Role::agent, pem);
        SSL_CTX_up_ref(own.get());
        asio::ssl::context context(own.get());
        asio::io_context io;
        asio::ssl::stream<tcp::socket> stream(io, context);
        boost::system::error_code error;
        stream.next_layer().connect({asio::ip::address_v4::loopback(), server_->port()}, error);
        EXPECT_FALSE(error);
        const timeval timeout{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(stream.next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &timeout,
                     sizeof timeout);
        stream.handshake(asio::ssl::stream_base::client, error);
        if (!error) {
            asio::write(stream, asio::buffer(lines), error);
        }
        std::string answer;
        while (!error) {
            char bytes[4096];
            answer.append(bytes, stream.read_some(asio::buffer(bytes), error));
        }
        return answer + error.message();
    }
    void expect_no_tls(const std::string& why) {
        EXPECT_TRUE(test::becomes_true([&] { return server_->close_count(CloseReason::tls) > 0; }));
        EXPECT_TRUE(test::becomes_true([&] { return server_->has_notice(why); }))
            << server_->notices();
        EXPECT_EQ(server_->stats().events, 0U);
    }

    const test::TempDirectory directory_;
    server::Options options_;
    std::optional<server::Running> server_;
};

TEST_F(ServerClientTlsTest, AuthenticatesBothSides) {
    start(server_file());
    for (const char* host : {"127.0.0.1", "localhost"}) {
        ConnectedAgent::Options options = agent_with(agent_file());
        options.server = host;
        options.name = "what it calls itself does not matter";
        ConnectedAgent agent(directory_.path(host), server_->port(), options);
        agent.add(1, 10);
        ASSERT_TRUE(agent.all_is_acknowledged()) << agent.client().state().error;
        EXPECT_NE(agent.config().hash, "");
    }
    for (const auto& line : server::logged(options_.log)) {
        EXPECT_EQ(line.agent, "web-1");
    }
    EXPECT_EQ(server_->total_close_count(), 0U);
}

TEST_F(ServerClientTlsTest, RejectsANameThatDiffersFromTheCertificate) {
    start(server_file());
    const std::string answer = answer_to(agent_file("web-2"), server::hello_line("web-1", uuid));
    EXPECT_NE(answer.find("the agent's name is 'web-1', its certificate is for 'web-2'"),
              std::string::npos)
        << answer;
    EXPECT_EQ(server_->close_count(CloseReason::wrong_name), 1U);
    EXPECT_EQ(server_->total_close_count(), 1U);
    EXPECT_NE(answer_to(agent_file("web-1"), server::hello_line("web-1", uuid) + "x\n")
                  .find("{\"type\":\"welcome\""),
              std::string::npos);
}

TEST_F(ServerClientTlsTest, RejectsAnAgentWithoutAValidCertificate) {
    start(server_file());
    const std::string hello = server::hello_line("web-1", uuid);
    const pki::Authority other = pki::make_ca();
    const std::pair<std::string, const char*> cases[] = {
        {pki::agent_pem(pki::expired()), "expired on"},
        {pki::agent_pem(pki::not_yet_valid()), "is valid only from"},
        {pki::issued(other, "web-1", pki::Role::agent), "is not signed by our CA"},
        {server_file(), "is a server's, not an agent's"},
        {"", "no TLS connection"},
    };
    uint64_t count = 0;
    for (const auto& [pem, why] : cases) {
        const std::string answer = answer_to(pem, hello);
        EXPECT_EQ(answer.find("welcome"), std::string::npos) << answer;
        expect_no_tls(why);
        EXPECT_TRUE(test::becomes_true(
            [&] { return server_->close_count(CloseReason::tls) == count + 1; }));
        EXPECT_EQ(server_->total_close_count(), ++count) << why;
    }
}

TEST_F(ServerClientTlsTest, AnAgentLearnsThatItsCertificateIsRejected) {
    const pki::Authority other = pki::make_ca();
    // The client trusts the server's CA, but its certificate is from another one.
    const std::string own = pki::issued(other, "web-1", pki::Role::agent);
    start(server_file());
    ConnectedAgent agent(directory_.path("agent"), server_->port(),
                         agent_with(own + pki::our_ca().certificate_pem));
    const std::string error = agent.error_with("certificate");
    EXPECT_NE(error.find("certificate"), std::string::npos) << error;
    expect_no_tls("is not signed by our CA");
}

TEST_F(ServerClientTlsTest, RejectsAServerWithAnotherName) {
    start(pki::issued(pki::our_ca(), "logs.example.org", pki::Role::server, pki::valid(),
                      {"other.example.org"}));
    ConnectedAgent agent(directory_.path("agent"), server_->port(), agent_with(agent_file()));
    EXPECT_NE(agent.error_with("other names").find("other.example.org"), std::string::npos);
    agent.add(1, 5);
    EXPECT_EQ(agent.spool().queued(), 5U);
    EXPECT_EQ(server_->stats().events, 0U);
}

TEST_F(ServerClientTlsTest, RejectsAServerOfAnotherCa) {
    const pki::Authority other = pki::make_ca();
    start(pki::issued(other, "logs.example.org", pki::Role::server, pki::valid(), {"127.0.0.1"}));
    ConnectedAgent agent(directory_.path("agent"), server_->port(), agent_with(agent_file()));
    EXPECT_NE(agent.error_with("is not signed by our CA"), "");
    EXPECT_FALSE(agent.client().state().connected);
}

TEST_F(ServerClientTlsTest, PlainAgentAndTlsServer) {
    start(server_file());
    ConnectedAgent agent(directory_.path("agent"), server_->port());
    EXPECT_TRUE(test::becomes_true([&] { return !agent.client().state().error.empty(); }));
    EXPECT_FALSE(agent.client().state().connected);
    expect_no_tls("no TLS connection");
}

TEST_F(ServerClientTlsTest, TlsAgentAndPlainServer) {
    options_.handshake_timeout_s = 1;  // a handshake may contain no line end
    server_.emplace(options_);
    ConnectedAgent agent(directory_.path("agent"), server_->port(), agent_with(agent_file()));
    EXPECT_TRUE(test::becomes_true([&] { return !agent.client().state().error.empty(); }));
    EXPECT_FALSE(agent.client().state().connected);
    EXPECT_TRUE(test::becomes_true([&] { return server_->total_close_count() > 0; }));
    EXPECT_EQ(server_->close_count(CloseReason::tls), 0U);
}

TEST_F(ServerClientTlsTest, ClosesAConnectionWithoutTlsHandshake) {
    options_.handshake_timeout_s = 1;
    start(server_file());
    server::Client client(server_->port());
    (void)client.last_line();
    EXPECT_EQ(server_->close_count(CloseReason::silent), 1U);
    EXPECT_TRUE(test::becomes_true([&] { return server_->sessions() == 0; }));
    EXPECT_EQ(server_->total_close_count(), 1U) << "one mistake, counted once";
}

TEST_F(ServerClientTlsTest, ReportsInvalidFilesAtStart) {
    const auto spool = open_spool(directory_.path("agent"));
    ServerClientOptions options;
    options.servers.push_back({"127.0.0.1", 1});
    options.tls = directory_.write("x.pem", pki::agent_pem(pki::expired()), 0600);
    const auto inbox = open_inbox();
    const auto client = ServerClient::open(options, *spool, *inbox);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code, ErrorCode::usage);
    EXPECT_NE(client.error().context.find("expired"), std::string::npos);

    server::Options plain = options_;
    plain.address = "0.0.0.0";
    const auto open_to_all = server::Server::open(plain, [](const std::string&) {});
    ASSERT_FALSE(open_to_all);
    EXPECT_EQ(open_to_all.error().code, ErrorCode::usage);
    EXPECT_NE(open_to_all.error().context.find("without TLS"), std::string::npos);
}

}  // namespace
}  // namespace vigil::agent
