// SPDX-License-Identifier: Apache-2.0
// Connections that say nothing, or begin a TLS handshake and never finish it, keep no agent out.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "fleet.h"
#include "peer.h"

namespace vigil::tests {
namespace {

constexpr int addresses = 8;  // 127.0.0.2 and on
constexpr size_t own_files = 500;

// As many as wanted, or as many as this process may have open.
size_t allowed(size_t wanted) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return std::min<size_t>(static_cast<size_t>(scaled(static_cast<int>(wanted))),
                            limit.rlim_cur - own_files);
}

// A connection from the nth of several addresses, with these bytes.
Fd connect_from(size_t number, std::string_view bytes) {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + static_cast<uint32_t>(number % addresses));
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(fleet_port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server), 0);
    // A server that has closed it already is one of the right outcomes.
    (void)::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return fd;
}

// Opens the connections and keeps them. All the time one agent is served, and others come.
void expect_served_in_a_flood(FleetServer& server, size_t count, std::string_view bytes,
                              const std::string& tls) {
    Peer old(fleet_port, tls);
    ASSERT_TRUE(old.send(old.hello("web-1") + peer_event(1, 1)));
    ASSERT_TRUE(old.acknowledged(1));
    std::vector<Fd> flood;
    uint64_t sequence = 1;
    for (size_t i = 1; i <= count; i++) {
        flood.push_back(connect_from(i, bytes));
        if (i % (count / 8) == 0) {
            sequence++;
            ASSERT_TRUE(old.send(peer_event(sequence, static_cast<int64_t>(sequence))));
            ASSERT_TRUE(old.acknowledged(sequence)) << server.program().errors();
            server.program().read_new();
        }
    }
    // The same agent again, as after a restart: it takes the place of the old connection.
    Peer fresh(fleet_port, tls);
    ASSERT_TRUE(fresh.send(fresh.hello("web-1") + peer_event(1, 1000)));
    ASSERT_TRUE(fresh.acknowledged(1)) << server.program().errors();
    EXPECT_GT(server.stat("refused_too_many"), 0U);
    EXPECT_LT(server.stat("connections_now"), 2'000U);
    ::testing::Test::RecordProperty("connections", static_cast<int>(flood.size()));
}

TEST(Flood, SilentConnections) {
    FleetServer server;
    server.start();
    const size_t count = allowed(12'000);
    ASSERT_GT(count, 2'000U) << "fewer than the server lets wait: ulimit -n";
    expect_served_in_a_flood(server, count, "", "");
    server.stop();
}

TEST(Flood, HandshakesThatNeverFinish) {
    const TempDirectory directory;
    for (Strings words :
         std::vector<Strings>{{"init"},
                              {"issue", "--server", "localhost", "--address", "127.0.0.1"},
                              {"issue", "web-1"}}) {
        words.insert(words.begin(), "certs");
        words.insert(words.end(), {"--dir", directory.path()});
        ASSERT_EQ(run_vigil(words).exit_code, 0);
    }
    FleetServer server({"--tls", directory.path() + "/localhost.pem"});
    server.start();
    const size_t count = allowed(6'000);
    ASSERT_GT(count, 2'000U) << "fewer than the server lets wait: ulimit -n";
    // A TLS record of 512 bytes with the start of a ClientHello (RFC 8446), of which no more comes.
    using namespace std::string_view_literals;
    expect_served_in_a_flood(server, count, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"sv,
                             directory.path() + "/web-1.pem");
    server.stop();
}

}  // namespace
}  // namespace vigil::tests
