// SPDX-License-Identifier: Apache-2.0
// Who may talk to whom: certificates of agents and of the server, and what both sides say where
// one is not good.
#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "agent/linked.h"
#include "server/running.h"
#include "wire/ends.h"
#include "wire/fleet.h"

namespace vigil::agent {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using server::Fault;

const std::string uuid = wire::some_uuid;

std::string server_file() {
    return wire::issued(wire::our_ca(), "logs.example.org", wire::Role::server, wire::valid(),
                        {"localhost", "127.0.0.1"});
}
std::string agent_file(const std::string& name = "web-1") {
    return wire::issued(wire::our_ca(), name, wire::Role::agent);
}

class LinkTls : public ::testing::Test {
 protected:
    LinkTls() {
        options_.port = 0;
        options_.configuration = folder_.write("limits.json", R"([{"process":"a","cpu":1}])");
        options_.log = folder_.path("events.log");
    }
    void start(const std::string& pem) {
        options_.tls = folder_.write("server.pem", pem, 0600);
        server_.emplace(options_);
    }
    Linked::Options agent_with(const std::string& pem) const {
        Linked::Options options;
        options.tls = folder_.write("agent.pem", pem, 0600);
        return options;
    }
    // What a client with this file says after its handshake is answered; or why it failed.
    std::string answer_to(const std::string& pem, const std::string& lines) {
        const auto own = wire::careless(wire::Role::agent, pem);
        SSL_CTX_up_ref(own.get());
        asio::ssl::context context(own.get());
        asio::io_context io;
        asio::ssl::stream<tcp::socket> stream(io, context);
        boost::system::error_code error;
        stream.next_layer().connect({asio::ip::address_v4::loopback(), server_->port()}, error);
        EXPECT_FALSE(error);
        const timeval patience{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(stream.next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience,
                     sizeof patience);
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
        EXPECT_TRUE(test::becomes_true([&] { return server_->faults(Fault::tls) > 0; }));
        EXPECT_TRUE(test::becomes_true([&] { return server_->said(why); })) << server_->notices();
        EXPECT_EQ(server_->stats().events, 0U);
    }

    const test::Folder folder_;
    server::Options options_;
    std::optional<server::Running> server_;
};

TEST_F(LinkTls, BothProveThemselves) {
    start(server_file());
    for (const char* host : {"127.0.0.1", "localhost"}) {
        Linked::Options options = agent_with(agent_file());
        options.server = host;
        options.name = "what it calls itself does not matter";
        Linked agent(folder_.path(host), server_->port(), options);
        agent.add(1, 10);
        ASSERT_TRUE(agent.all_is_acknowledged()) << agent.link().state().error;
        EXPECT_NE(agent.config().hash, "");
    }
    for (const auto& line : server::logged(options_.log)) {
        EXPECT_EQ(line.agent, "web-1");
    }
    EXPECT_EQ(server_->all_faults(), 0U);
}

TEST_F(LinkTls, ANameThatIsNotTheCertificates) {
    start(server_file());
    const std::string answer = answer_to(agent_file("web-2"), server::hello_line("web-1", uuid));
    EXPECT_NE(answer.find("the agent says that it is 'web-1', its certificate is for 'web-2'"),
              std::string::npos)
        << answer;
    EXPECT_EQ(server_->faults(Fault::wrong_name), 1U);
    EXPECT_EQ(server_->all_faults(), 1U);
    EXPECT_NE(answer_to(agent_file("web-1"), server::hello_line("web-1", uuid) + "x\n")
                  .find("{\"type\":\"welcome\""),
              std::string::npos);
}

TEST_F(LinkTls, AnAgentWithoutAGoodCertificate) {
    start(server_file());
    const std::string hello = server::hello_line("web-1", uuid);
    const wire::Authority other = wire::make_ca();
    const std::pair<std::string, const char*> cases[] = {
        {wire::agent_pem(wire::expired()), "expired on"},
        {wire::agent_pem(wire::not_yet_valid()), "is valid only from"},
        {wire::issued(other, "web-1", wire::Role::agent), "is not signed by our CA"},
        {server_file(), "is a server's, not an agent's"},
        {"", "no TLS connection"},
    };
    uint64_t count = 0;
    for (const auto& [pem, why] : cases) {
        const std::string answer = answer_to(pem, hello);
        EXPECT_EQ(answer.find("welcome"), std::string::npos) << answer;
        expect_no_tls(why);
        EXPECT_TRUE(test::becomes_true([&] { return server_->faults(Fault::tls) == count + 1; }));
        EXPECT_EQ(server_->all_faults(), ++count) << why;
    }
}

TEST_F(LinkTls, AnAgentHearsThatItsCertificateIsRefused) {
    const wire::Authority other = wire::make_ca();
    // It trusts the server's CA, but is signed by another one.
    const std::string own = wire::issued(other, "web-1", wire::Role::agent);
    start(server_file());
    Linked agent(folder_.path("agent"), server_->port(),
                 agent_with(own + wire::our_ca().certificate_pem));
    const std::string error = agent.error_with("certificate");
    EXPECT_NE(error.find("certificate"), std::string::npos) << error;
    expect_no_tls("is not signed by our CA");
}

TEST_F(LinkTls, AServerThatIsNotTheOne) {
    start(wire::issued(wire::our_ca(), "logs.example.org", wire::Role::server, wire::valid(),
                       {"other.example.org"}));
    Linked agent(folder_.path("agent"), server_->port(), agent_with(agent_file()));
    EXPECT_NE(agent.error_with("other names").find("other.example.org"), std::string::npos);
    agent.add(1, 5);
    EXPECT_EQ(agent.spool().queued(), 5U);
    EXPECT_EQ(server_->stats().events, 0U);
}

TEST_F(LinkTls, AServerOfAnotherCa) {
    const wire::Authority other = wire::make_ca();
    start(
        wire::issued(other, "logs.example.org", wire::Role::server, wire::valid(), {"127.0.0.1"}));
    Linked agent(folder_.path("agent"), server_->port(), agent_with(agent_file()));
    EXPECT_NE(agent.error_with("is not signed by our CA"), "");
    EXPECT_FALSE(agent.link().state().connected);
}

TEST_F(LinkTls, APlainAgentAndATlsServer) {
    start(server_file());
    Linked agent(folder_.path("agent"), server_->port());
    EXPECT_TRUE(test::becomes_true([&] { return !agent.link().state().error.empty(); }));
    EXPECT_FALSE(agent.link().state().connected);
    expect_no_tls("no TLS connection");
}

TEST_F(LinkTls, ATlsAgentAndAPlainServer) {
    options_.greeting_s = 1;  // a handshake may hold no line end
    server_.emplace(options_);
    Linked agent(folder_.path("agent"), server_->port(), agent_with(agent_file()));
    EXPECT_TRUE(test::becomes_true([&] { return !agent.link().state().error.empty(); }));
    EXPECT_FALSE(agent.link().state().connected);
    EXPECT_TRUE(test::becomes_true([&] { return server_->all_faults() > 0; }));
    EXPECT_EQ(server_->faults(Fault::tls), 0U);
}

TEST_F(LinkTls, OneThatNeverBeginsTls) {
    options_.greeting_s = 1;
    start(server_file());
    server::Client client(server_->port());
    (void)client.last_line();
    EXPECT_EQ(server_->faults(Fault::silent), 1U);
    EXPECT_TRUE(test::becomes_true([&] { return server_->sessions() == 0; }));
    EXPECT_EQ(server_->all_faults(), 1U) << "one mistake, counted once";
}

TEST_F(LinkTls, FilesThatAreNotGoodAreSaidAtTheStart) {
    const auto spool = open_spool(folder_.path("agent"));
    LinkOptions options;
    options.servers.push_back({"127.0.0.1", 1});
    options.tls = folder_.write("x.pem", wire::agent_pem(wire::expired()), 0600);
    const auto inbox = open_inbox();
    const auto link = Link::open(options, *spool, *inbox);
    ASSERT_FALSE(link);
    EXPECT_EQ(link.error().code, ErrorCode::usage);
    EXPECT_NE(link.error().context.find("expired"), std::string::npos);

    server::Options plain = options_;
    plain.address = "0.0.0.0";
    const auto open_to_all = server::Server::open(plain, [](const std::string&) {});
    ASSERT_FALSE(open_to_all);
    EXPECT_EQ(open_to_all.error().code, ErrorCode::usage);
    EXPECT_NE(open_to_all.error().context.find("without TLS"), std::string::npos);
}

}  // namespace
}  // namespace vigil::agent
