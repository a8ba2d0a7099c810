// SPDX-License-Identifier: Apache-2.0
#include "commands/agent/agent_options.h"

#include <gtest/gtest.h>

#include "base/default_paths.h"
#include "wire/protocol.h"

namespace vigil::commands {
namespace {

AgentRequest good(const cli::Arguments& arguments) {
    const ParsedAgent parsed = parse_agent(arguments);
    EXPECT_TRUE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 0);
    return parsed.request.value_or(AgentRequest{});
}

// The output on standard error.
std::string bad(const cli::Arguments& arguments) {
    ::testing::internal::CaptureStderr();
    const ParsedAgent parsed = parse_agent(arguments);
    std::string output = ::testing::internal::GetCapturedStderr();
    EXPECT_FALSE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 2) << ::testing::PrintToString(arguments);
    return output;
}

TEST(AgentOptions, Defaults) {
    const AgentRequest request = good({});
    ASSERT_EQ(request.servers.size(), 1U);
    EXPECT_EQ(to_string(request.servers[0]), "127.0.0.1:7411");
    EXPECT_EQ(request.name, default_agent_name());
    EXPECT_TRUE(is_name(request.name));
    EXPECT_EQ(request.state, default_state_directory("agent"));
    EXPECT_EQ(request.tls, std::nullopt);
    EXPECT_EQ(request.interval_ns, 1'000'000'000U);
    EXPECT_EQ(request.queue_bytes, 256U << 20);
}

TEST(AgentOptions, All) {
    const AgentRequest request =
        good({"--server", "a.example.org", "--server=[::1]:5", "--state", "/a b", "--name", "web-1",
              "--queue", "1M", "--interval", "2s"});
    ASSERT_EQ(request.servers.size(), 2U);
    EXPECT_EQ(to_string(request.servers[0]), "a.example.org:7411");
    EXPECT_EQ(to_string(request.servers[1]), "[::1]:5");
    EXPECT_EQ(request.state, "/a b");
    EXPECT_EQ(request.name, "web-1");
    EXPECT_EQ(request.queue_bytes, 1U << 20);
    EXPECT_EQ(request.interval_ns, 2'000'000'000U);
    EXPECT_EQ(good({"--tls", "x.pem"}).tls, "x.pem");
}

TEST(AgentOptions, ReportsInvalidOptions) {
    for (const char* server :
         {"", ":", ":5", "a:0", "a:65536", "a:x", "a b", "[::1", "[]:5", "http://a/", "a,b"}) {
        EXPECT_EQ(bad({"--server=" + std::string(server)}).rfind("vigil: --server", 0), 0U)
            << server;
    }
    for (const char* name : {"", "-a", "a b", "a/b", "\xff"}) {
        EXPECT_EQ(bad({"--name=" + std::string(name)}).rfind("vigil: --name", 0), 0U) << name;
    }
    EXPECT_NE(bad({"--name=" + std::string(65, 'a')}).find("1 to 64 letters"), std::string::npos);
    EXPECT_EQ(bad({"--name", "a", "--tls", "x.pem"}),
              "vigil: --name: with --tls the name is that of the certificate\n");
    for (const char* size : {"1023K", "0", "2T", "x", "-1M", "1.5"}) {
        EXPECT_EQ(bad({"--queue=" + std::string(size)}),
                  "vigil: --queue '" + std::string(size) + "': expected 1M to 1T\n");
    }
    EXPECT_EQ(bad({"--interval", "99ms"}), "vigil: --interval '99ms': expected 100ms to 1h\n");
    EXPECT_NE(bad({"somewhere"}).find("not expected: somewhere"), std::string::npos);
    EXPECT_NE(bad({"--server", "a", "b"}).find("not expected: b"), std::string::npos);
    EXPECT_NE(bad({"--no-such"}).find("--no-such"), std::string::npos);
}

TEST(AgentOptions, HelpExitsWithZero) {
    ::testing::internal::CaptureStdout();
    const ParsedAgent parsed = parse_agent({"--help"});
    const std::string output = ::testing::internal::GetCapturedStdout();
    EXPECT_FALSE(parsed.request);
    EXPECT_EQ(parsed.exit_code, 0);
    for (const char* part :
         {"--server", "--tls", "--name", "--state", "--queue", "--interval", "Exit codes:"}) {
        EXPECT_NE(output.find(part), std::string::npos) << part;
    }
}

TEST(Address, HostsAndPorts) {
    const std::pair<const char*, const char*> cases[] = {
        {"a", "a:7411"},
        {"a.example.org:1", "a.example.org:1"},
        {"127.0.0.1:65535", "127.0.0.1:65535"},
        {"::1", "[::1]:7411"},
        {"[::1]", "[::1]:7411"},
        {"[fe80::1%eth0]:80", "[fe80::1%eth0]:80"},
        {"a_b-c", "a_b-c:7411"},
        {"7up.example", "7up.example:7411"},
    };
    for (const auto& [text, output] : cases) {
        const auto address = parse_address(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(to_string(*address), output);
        const auto again = parse_address(output);
        ASSERT_TRUE(again) << output;
        EXPECT_EQ(again->host, address->host);
        EXPECT_EQ(again->port, address->port);
    }
    for (const char* text : {"",
                             ":",
                             ":1",
                             "a:",
                             "a:-1",
                             "a: 1",
                             "a:1 ",
                             " a",
                             "a\n",
                             "[",
                             "[]",
                             "[::1]1",
                             "[::1]:",
                             "[::1]:x",
                             "[a",
                             "a]",
                             "a:99999999999999999999",
                             "\xc3\xa4",
                             "a;b",
                             "7496",
                             "127.1",
                             "0x7f000001",
                             "1.2.3.4.5",
                             "1.2.3.256",
                             "$(a)"}) {
        const auto address = parse_address(text);
        EXPECT_FALSE(address) << text;
        EXPECT_TRUE(address || address.error().code == ErrorCode::usage);
    }
}

}  // namespace
}  // namespace vigil::commands
