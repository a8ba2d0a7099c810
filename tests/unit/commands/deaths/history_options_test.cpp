// SPDX-License-Identifier: Apache-2.0
#include "commands/deaths/history_options.h"

#include <gtest/gtest.h>

#include "base/time_spec.h"
#include "commands/deaths/why_options.h"
#include "support/events.h"

namespace vigil::commands {
namespace {

constexpr int64_t second_ns = 1'000'000'000;
constexpr int64_t now_ns = test::evening_ns + 456'000'000;  // 22:33:49

HistoryRequest good(const cli::Arguments& arguments) {
    const ParsedHistory parsed = parse_history(arguments, now_ns);
    EXPECT_TRUE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 0);
    return parsed.request.value_or(HistoryRequest{});
}

// The output on standard error.
template <class Parse>
std::string bad(const cli::Arguments& arguments, Parse parse) {
    ::testing::internal::CaptureStderr();
    const auto parsed = parse(arguments);
    std::string output = ::testing::internal::GetCapturedStderr();
    EXPECT_FALSE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 2) << ::testing::PrintToString(arguments);
    return output;
}
std::string bad(const cli::Arguments& arguments) {
    return bad(arguments, [](const cli::Arguments& a) { return parse_history(a, now_ns); });
}
std::string bad_why(const cli::Arguments& arguments) { return bad(arguments, parse_why); }

TEST(HistoryOptions, Defaults) {
    const HistoryRequest request = good({});
    const query::DeathFilter& filter = request.query.filter;
    EXPECT_EQ(filter.since_unix_ns, INT64_MIN);
    EXPECT_EQ(filter.until_unix_ns, INT64_MAX);
    EXPECT_EQ(filter.name, std::nullopt);
    EXPECT_EQ(filter.pid, std::nullopt);
    EXPECT_EQ(filter.user, std::nullopt);
    EXPECT_EQ(filter.unit, std::nullopt);
    EXPECT_EQ(filter.cause, std::nullopt);
    EXPECT_FALSE(filter.abnormal);
    EXPECT_EQ(request.query.order, query::Order::newest);
    EXPECT_EQ(request.query.max_deaths, 50U);
    EXPECT_EQ(request.state, std::nullopt);
    EXPECT_FALSE(request.json);
}

TEST(HistoryOptions, All) {
    const HistoryRequest request =
        good({"--since", "1h",   "--until",    "22:00",    "-c",     "php*",
              "-p",      "4242", "-u",         "www-data", "--unit", "php.service",
              "--cause", "oom",  "--abnormal", "--sort",   "memory", "-n",
              "7",       "-o",   "json",       "--state",  "x"});
    const query::DeathFilter& filter = request.query.filter;
    EXPECT_EQ(filter.since_unix_ns, now_ns - 3600 * second_ns);
    EXPECT_EQ(filter.until_unix_ns, test::evening_ns - 2029 * second_ns);
    EXPECT_EQ(filter.name, "php*");
    EXPECT_EQ(filter.pid, 4242U);
    EXPECT_EQ(filter.user, "www-data");
    EXPECT_EQ(filter.unit, "php.service");
    EXPECT_EQ(filter.cause, model::Cause::oom);
    EXPECT_TRUE(filter.abnormal);
    EXPECT_EQ(request.query.order, query::Order::memory);
    EXPECT_EQ(request.query.max_deaths, 7U);
    EXPECT_TRUE(request.json);
    EXPECT_EQ(request.state, "x");
    EXPECT_EQ(good({"--cause", "exit"}).query.filter.cause, model::Cause::exit);
    EXPECT_EQ(good({"--cause", "signal"}).query.filter.cause, model::Cause::signal);
    EXPECT_EQ(good({"--sort", "cpu"}).query.order, query::Order::cpu);
    EXPECT_EQ(good({"--sort", "disk"}).query.order, query::Order::disk);
    EXPECT_EQ(good({"--sort", "network"}).query.order, query::Order::network);
    EXPECT_EQ(good({"--sort", "lifetime"}).query.order, query::Order::lifetime);
}

TEST(HistoryOptions, ReportsInvalidOptions) {
    EXPECT_EQ(bad({"--cause", "boredom"}),
              "vigil: --cause 'boredom': expected signal, exit or oom\n");
    EXPECT_EQ(bad({"--sort", "\x1b"}),
              "vigil: --sort '\\e': expected cpu, memory, disk, network or lifetime\n");
    EXPECT_EQ(bad({"-o", "xml"}), "vigil: -o 'xml': expected text or json\n");
    EXPECT_EQ(bad({"-p", "0"}), "vigil: --pid '0': expected a whole number from 1 to 4194304\n");
    EXPECT_EQ(bad({"-n", "0"}), "vigil: -n '0': expected a whole number from 1 to 1000000\n");
    EXPECT_EQ(bad({"-c", ""}), "vigil: --comm '': expected a name\n");
    EXPECT_EQ(bad({"--since", "1h", "--until", "2h"}), "vigil: --since is after --until\n");
    EXPECT_EQ(bad({"--since", "soon"}).rfind("vigil: --since 'soon': expected 1h ", 0), 0U);
    EXPECT_NE(bad({"nginx"}), "");
}

TEST(HistoryOptions, HelpExitsWithZero) {
    ::testing::internal::CaptureStdout();
    EXPECT_EQ(parse_history({"--help"}, now_ns).exit_code, 0);
    const std::string output = ::testing::internal::GetCapturedStdout();
    for (const char* part :
         {"--since", "--until", "--comm", "--pid", "--user", "--unit", "--cause", "--abnormal",
          "--sort", "--lines", "--output", "--state", "Exit codes:"}) {
        EXPECT_NE(output.find(part), std::string::npos) << part;
    }
}

TEST(TimeSpec, AcceptsCommonFormats) {
    struct Case {
        const char* text;
        int64_t seconds;  // after 22:33:49
    };
    for (const Case& each :
         {Case{"22:33:49", 0}, Case{"22:33", -49}, Case{"00:00", -81'229}, Case{"23:00:01", 1572},
          Case{"2026-11-20", -81'229}, Case{"2026-11-19 22:33", -86'449},
          Case{"2026-11-20 22:34:49", 60}, Case{"2026-11-20T22:33:49Z", 0},
          Case{"2026-11-20T22:33:50.0Z", 1}, Case{"2026-11-20T22:33:48.000000Z", -1}}) {
        const auto when = parse_time_spec(each.text, now_ns);
        ASSERT_TRUE(when) << each.text;
        EXPECT_EQ(*when, test::evening_ns + each.seconds * second_ns) << each.text;
    }
    EXPECT_EQ(*parse_time_spec("2026-11-20T22:33:49.25Z", now_ns), test::evening_ns + 250'000'000);
    EXPECT_EQ(*parse_time_spec("90m", now_ns), now_ns - 5400 * second_ns);
    EXPECT_EQ(*parse_time_spec("7d", now_ns), now_ns - 7 * 86'400 * second_ns);
    EXPECT_EQ(*parse_time_spec("0.5s", now_ns), now_ns - second_ns / 2);
}

TEST(TimeSpec, RejectsOtherFormats) {
    for (const char* text : {"",
                             "now",
                             "1",
                             "-1h",
                             "24:00",
                             "22:60",
                             "1:00",
                             "22:33:61",
                             " 22:33",
                             "22:33 ",
                             "2026-11-31",
                             "2026-02-29",
                             "2026-13-01",
                             "2026-11-20 ",
                             "2026-11-20T22:33",
                             "2026-11-20T22:33:49",
                             "2026-11-20T22:33:49.Z",
                             "2026-11-20T22:33:49.1234567Z",
                             "2026-11-20T22:33:49+01:00",
                             "20261120",
                             "99999-01-01",
                             "2300-01-01"}) {
        EXPECT_FALSE(parse_time_spec(text, now_ns)) << text;
    }
    EXPECT_EQ(parse_time_spec("\x1b", now_ns).error().context.rfind("'\\e': expected 1h ", 0), 0U);
}

TEST(WhyOptions, Targets) {
    const auto why = [](const cli::Arguments& arguments) {
        return parse_why(arguments).request.value_or(WhyRequest{});
    };
    EXPECT_EQ(why({}).pid, std::nullopt);
    EXPECT_EQ(why({}).name, std::nullopt);
    EXPECT_EQ(why({}).unit, std::nullopt);
    EXPECT_EQ(why({}).max_deaths, 5U);
    EXPECT_EQ(why({"4242"}).pid, 4242U);
    EXPECT_EQ(why({"4242"}).name, "4242") << "where no such pid is kept";
    EXPECT_EQ(why({"4194305"}).pid, std::nullopt) << "no pid is so high";
    EXPECT_EQ(why({"4194305"}).name, "4194305");
    EXPECT_EQ(why({"nginx"}).name, "nginx");
    EXPECT_EQ(why({"7zip"}).name, "7zip");
    EXPECT_EQ(why({"nginx"}).pid, std::nullopt);
    EXPECT_EQ(why({"--unit", "nginx.service", "-n", "9", "--state", "x"}).unit, "nginx.service");
    EXPECT_EQ(why({"-n", "9"}).max_deaths, 9U);
    EXPECT_EQ(why({"--state", "x"}).state, "x");
}

TEST(WhyOptions, ReportsInvalidOptions) {
    EXPECT_EQ(bad_why({"-n", "x"}), "vigil: -n 'x': expected a whole number from 1 to 100000\n");
    EXPECT_EQ(bad_why({""}), "vigil: PID or NAME '': expected a name\n");
    EXPECT_NE(bad_why({"nginx", "--unit", "x"}), "");
    EXPECT_NE(bad_why({"a", "b"}), "");
}

}  // namespace
}  // namespace vigil::commands
