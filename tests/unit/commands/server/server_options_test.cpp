// SPDX-License-Identifier: Apache-2.0
#include "commands/server/server_options.h"

#include <gtest/gtest.h>

#include "base/default_paths.h"

namespace vigil::commands {
namespace {

server::Options good(const cli::Arguments& arguments) {
    const ParsedServer parsed = parse_server(arguments);
    EXPECT_TRUE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 0);
    return parsed.request.value_or(server::Options{});
}

// The output on standard error.
std::string bad(const cli::Arguments& arguments) {
    ::testing::internal::CaptureStderr();
    const ParsedServer parsed = parse_server(arguments);
    std::string output = ::testing::internal::GetCapturedStderr();
    EXPECT_FALSE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 2) << ::testing::PrintToString(arguments);
    return output;
}

TEST(ServerOptions, Defaults) {
    const server::Options options = good({"-c", "limits.json"});
    EXPECT_EQ(options.configuration, "limits.json");
    EXPECT_EQ(options.configuration_directory, std::nullopt);
    EXPECT_EQ(options.address, "127.0.0.1");
    EXPECT_EQ(options.port, 7411);
    EXPECT_EQ(options.log, "events.log");
    EXPECT_EQ(options.log_segment_bytes, 64U << 20);
    EXPECT_EQ(options.log_segments, 0U);
    EXPECT_EQ(options.tls, std::nullopt);
    EXPECT_EQ(options.control, default_control_path());
    EXPECT_EQ(options.max_connections, 10'000U);
}

TEST(ServerOptions, All) {
    const server::Options options =
        good({"--config", "a b.json", "--config-dir=rules", "-l", "e.log", "--rotate", "64K",
              "--keep", "3", "--listen", "0.0.0.0:80", "--tls", "s.pem", "--control", "c.sock",
              "--max-agents", "5"});
    EXPECT_EQ(options.configuration, "a b.json");
    EXPECT_EQ(options.configuration_directory, "rules");
    EXPECT_EQ(options.log, "e.log");
    EXPECT_EQ(options.log_segment_bytes, 64U << 10);
    EXPECT_EQ(options.log_segments, 3U);
    EXPECT_EQ(options.address, "0.0.0.0");
    EXPECT_EQ(options.port, 80);
    EXPECT_EQ(options.tls, "s.pem");
    EXPECT_EQ(options.control, "c.sock");
    EXPECT_EQ(options.max_connections, 5U);
    EXPECT_EQ(good({"--config-dir", "rules"}).configuration, std::nullopt);
    EXPECT_EQ(good({"-c", "x", "--no-control"}).control, std::nullopt);
}

TEST(ServerOptions, ListenAddress) {
    struct Case {
        const char* text;
        const char* address;
        uint16_t port;
    };
    for (const Case& each :
         {Case{"127.0.0.1:0", "127.0.0.1", 0}, Case{"[::1]:0", "::1", 0}, Case{"::1", "::1", 7411},
          Case{"[::]:5", "::", 5}, Case{"localhost", "localhost", 7411},
          Case{"fe80::1:0", "fe80::1:0", 7411}, Case{"::0", "::0", 7411}}) {
        const server::Options options = good({"-c", "x", "--listen", each.text});
        EXPECT_EQ(options.address, each.address) << each.text;
        EXPECT_EQ(options.port, each.port) << each.text;
    }
    for (const char* text : {"", ":", ":0", ":5", "a:", "a:x", "a:65536", "a b", "[::1", "a:00x"}) {
        EXPECT_EQ(bad({"-c", "x", "--listen=" + std::string(text)}).rfind("vigil: --listen", 0), 0U)
            << text;
    }
}

TEST(ServerOptions, ReportsInvalidOptions) {
    EXPECT_EQ(bad({}), "vigil: expected the rules: -c FILE or --config-dir DIR\n");
    for (const char* size : {"63K", "0", "2T", "x", "-1M"}) {
        EXPECT_EQ(bad({"-c", "x", "--rotate=" + std::string(size)}),
                  "vigil: --rotate '" + std::string(size) + "': expected 64K to 1T\n");
    }
    for (const char* number : {"0", "1000001", "-1", "x"}) {
        EXPECT_NE(bad({"-c", "x", "--max-agents=" + std::string(number)}), "") << number;
    }
    EXPECT_NE(bad({"-c", "x", "--keep=-1"}), "");
    EXPECT_NE(bad({"-c", "x", "--keep=x"}), "");
    EXPECT_NE(bad({"-c", "x", "--control", "a", "--no-control"}).find("--control"),
              std::string::npos);
    EXPECT_NE(bad({"-c", "x", "y"}).find("not expected: y"), std::string::npos);
    EXPECT_NE(bad({"-c"}), "");
}

TEST(ServerOptions, HelpExitsWithZero) {
    ::testing::internal::CaptureStdout();
    const ParsedServer parsed = parse_server({"-h"});
    const std::string output = ::testing::internal::GetCapturedStdout();
    EXPECT_FALSE(parsed.request);
    EXPECT_EQ(parsed.exit_code, 0);
    for (const char* part : {"--config", "--config-dir", "--log", "--rotate", "--keep", "--listen",
                             "--tls", "--control", "--max-agents", "Exit codes:"}) {
        EXPECT_NE(output.find(part), std::string::npos) << part;
    }
}

}  // namespace
}  // namespace vigil::commands
