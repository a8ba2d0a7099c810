// SPDX-License-Identifier: Apache-2.0
#include "commands/watch/watch_options.h"

#include <gtest/gtest.h>

namespace vigil::commands {
namespace {

WatchRequest good(const cli::Arguments& arguments) {
    const ParsedWatch parsed = parse_watch(arguments);
    EXPECT_TRUE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 0);
    return parsed.request.value_or(WatchRequest{});
}

// The output on standard error.
std::string bad(const cli::Arguments& arguments) {
    ::testing::internal::CaptureStderr();
    const ParsedWatch parsed = parse_watch(arguments);
    std::string output = ::testing::internal::GetCapturedStderr();
    EXPECT_FALSE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 2) << ::testing::PrintToString(arguments);
    return output;
}

uint64_t interval_of(const std::string& text) {
    return good({"-c", "x.json", "--interval", text}).interval_ns;
}

TEST(WatchOptions, Defaults) {
    const WatchRequest request = good({"-c", "limits.json"});
    EXPECT_EQ(request.configuration, "limits.json");
    EXPECT_EQ(request.interval_ns, 1'000'000'000U);
    EXPECT_EQ(request.log, std::nullopt);
    EXPECT_FALSE(request.json);
}

TEST(WatchOptions, All) {
    for (const cli::Arguments& arguments :
         {cli::Arguments{"-c", "a b.json", "--interval", "2s", "-l", "v.log", "-o", "json"},
          cli::Arguments{"--config", "a b.json", "--interval=2s", "--log", "v.log", "--output",
                         "json"},
          cli::Arguments{"--output=json", "--log=v.log", "--config=a b.json", "--interval",
                         "2000ms"}}) {
        const WatchRequest request = good(arguments);
        EXPECT_EQ(request.configuration, "a b.json");
        EXPECT_EQ(request.interval_ns, 2'000'000'000U);
        EXPECT_EQ(request.log, "v.log");
        EXPECT_TRUE(request.json);
    }
    EXPECT_FALSE(good({"-c", "x", "-o", "text"}).json);
}

TEST(WatchOptions, IntervalFrom100MillisecondsToAnHour) {
    EXPECT_EQ(interval_of("100ms"), 100'000'000U);
    EXPECT_EQ(interval_of("0.1s"), 100'000'000U);
    EXPECT_EQ(interval_of("1.5s"), 1'500'000'000U);
    EXPECT_EQ(interval_of("1h"), 3'600'000'000'000U);
    EXPECT_EQ(interval_of("60m"), 3'600'000'000'000U);
    for (const std::string text : {"99ms", "99999us", "3601s", "61m", "2h", "1ns", "366d"}) {
        EXPECT_EQ(bad({"-c", "x.json", "--interval", text}),
                  "vigil: --interval '" + text + "': expected 100ms to 1h\n");
    }
    for (const std::string text : {"5", "0s", "-1s", "1 s", "1x", "s", "nans", "1e3s", "367d"}) {
        EXPECT_EQ(
            bad({"-c", "x.json", "--interval=" + text}),
            "vigil: --interval '" + text + "': expected a duration such as 500ms, 10s, 5m or 2h\n");
    }
}

TEST(WatchOptions, FormatIsTextOrJson) {
    for (const std::string text : {"table", "none", "JSON", "jso", " json"}) {
        EXPECT_EQ(bad({"-c", "x.json", "-o", text}),
                  "vigil: -o '" + text + "': expected text or json\n");
    }
}

TEST(WatchOptions, RejectsInvalidCommandLines) {
    const std::string hint = "\nTry 'vigil watch --help'.\n";
    const std::pair<cli::Arguments, std::string> cases[] = {
        {{}, "vigil: --config is required"},
        {{"--interval", "2s"}, "vigil: --config is required"},
        {{"-c"}, "vigil: --config: 1 required FILE missing"},
        {{"-c", "x", "-l"}, "vigil: --log: 1 required FILE missing"},
        {{"-c", "x", "--interval"}, "vigil: --interval: 1 required TIME missing"},
        {{"-c", "x", "-o"}, "vigil: --output: 1 required FORMAT missing"},
        {{"-c", "x", "--no-such"}, "vigil: The following argument was not expected: --no-such"},
        {{"-c", "x", "y"}, "vigil: The following argument was not expected: y"},
    };
    for (const auto& [arguments, output] : cases) {
        EXPECT_EQ(bad(arguments), output + hint);
    }
}

TEST(WatchOptions, RejectsRepeatedOptions) {
    for (const std::string option : {"-c", "-l", "-o", "--interval"}) {
        const std::string value = option == "--interval" ? "1s" : "json";
        EXPECT_NE(bad({"-c", "x", option, value, option, value}), "") << option;
    }
}

TEST(WatchOptions, HelpExitsWithZero) {
    for (const char* option : {"-h", "--help"}) {
        ::testing::internal::CaptureStdout();
        const ParsedWatch parsed = parse_watch({option});
        const std::string output = ::testing::internal::GetCapturedStdout();
        EXPECT_FALSE(parsed.request);
        EXPECT_EQ(parsed.exit_code, 0);
        for (const char* part : {"--config", "--interval", "--log", "--output", "Exit codes:"}) {
            EXPECT_NE(output.find(part), std::string::npos) << part;
        }
    }
}

}  // namespace
}  // namespace vigil::commands
