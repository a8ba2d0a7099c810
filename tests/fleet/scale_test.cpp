// SPDX-License-Identifier: Apache-2.0
// Many agents at once.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "fleet.h"
#include "peer.h"

namespace vigil::tests {
namespace {

constexpr uint64_t events_of_each = 100;

void allow_connections() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Opens all connections, sends hello and events, and waits for their acknowledgement.
void serve_agents(FleetServer& server, int count, const std::function<Peer(int)>& connect,
                  const std::string& title) {
    allow_connections();
    const pid_t pid = server.program().pid();
    std::vector<Peer> peers;
    for (int i = 0; i < count; i++) {
        peers.push_back(connect(i));
        ASSERT_TRUE(peers.back().send(peers.back().hello(fmt::format("agent-{}", i))));
        server.program().read_new();
    }
    for (Peer& peer : peers) {
        ASSERT_TRUE(peer.line_of_type("welcome")) << server.program().errors();
    }
    const uint64_t idle_kb = proc_value(pid, "status", "VmRSS");
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < count; i++) {
        std::string text;
        for (uint64_t k = 0; k < events_of_each; k++) {
            text += peer_event(k + 1, static_cast<int64_t>(i * events_of_each + k));
        }
        ASSERT_TRUE(peers[static_cast<size_t>(i)].send(text));
    }
    for (Peer& peer : peers) {
        ASSERT_TRUE(peer.acknowledged(events_of_each)) << server.program().errors();
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    const uint64_t total = static_cast<uint64_t>(count) * events_of_each;
    std::cout << fmt::format(
        "{} agents, {}: {} events acknowledged in {:.2f} s; server: {} KB with all connected, "
        "{} KB at most\n",
        count, title, total, seconds.count(), idle_kb, proc_value(pid, "status", "VmHWM"));

    EXPECT_EQ(server.stat("connections_now"), static_cast<uint64_t>(count));
    const ServerLog log = server.read();
    const auto counts = log.numbers();
    EXPECT_EQ(counts.size(), total);
    EXPECT_EQ(log.lines.size(), total);
    for (const LogLine& line : log.lines) {
        const auto agent = line.number / static_cast<int64_t>(events_of_each);
        ASSERT_EQ(line.agent, fmt::format("agent-{}", agent)) << line.text;
    }
}

TEST(Scale, AThousandAgents) {
    FleetServer server;
    server.start();
    serve_agents(
        server, scaled(1000), [](int) { return Peer(fleet_port); }, "plain");
}

TEST(Scale, AHundredAgentsWithTls) {
    const TempDirectory directory;
    const int count = scaled(100);
    const auto certs = [&](Strings words) {
        words.insert(words.begin(), "certs");
        words.insert(words.end(), {"--dir", directory.path()});
        const Outcome outcome = run_vigil(words);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    };
    certs({"init"});
    certs({"issue", "--server", "localhost", "--address", "127.0.0.1"});
    for (int i = 0; i < count; i++) {
        certs({"issue", fmt::format("agent-{}", i)});
    }
    FleetServer server({"--tls", directory.path() + "/localhost.pem"});
    server.start();
    serve_agents(
        server, count,
        [&](int i) {
            return Peer(fleet_port, fmt::format("{}/agent-{}.pem", directory.path(), i));
        },
        "TLS");
}

}  // namespace
}  // namespace vigil::tests
