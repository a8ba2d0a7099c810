// SPDX-License-Identifier: Apache-2.0
#include "rules/parse.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "model/sample.h"
#include "rules/expect.h"

namespace vigil::rules {
namespace {

using namespace std::string_view_literals;
using model::index;
using model::Metric;

void expect_rules(std::string_view text, const RuleSet& expected) {
    const auto result = parse(text, "c");
    ASSERT_TRUE(result) << result.error().context;
    EXPECT_TRUE(*result == expected) << text;
}

constexpr auto keys_expected =
    "expected one of the keys process, name, cpu, memory, disk, network, user, cgroup, for, "
    "cooldown";

TEST(Parse, AllKeys) {
    Rule all = rule("nginx*");
    all.user = "www-data";
    all.cgroup = "/system.slice/nginx.service";
    all.limits[index(Metric::cpu)] = 400;
    all.limits[index(Metric::memory)] = 2048.5;
    all.limits[index(Metric::disk)] = 0.25;
    all.limits[index(Metric::network)] = max_limit;
    all.for_ns = 5 * ns_per_s;
    all.cooldown_ns = 600 * ns_per_s;
    expect_rules(R"([{"process": "nginx*", "cpu": 400, "memory": 2048.5, "disk": 2.5e-1,
                      "network": 1000000000, "user": "www-data",
                      "cgroup": "/system.slice/nginx.service", "for": "5s", "cooldown": "10m"}])",
                 {all});
}

TEST(Parse, OnlyTheProcessIsRequired) {
    expect_rules(R"([{"process":"a"}])", {rule("a")});
    EXPECT_EQ(rule("a").for_ns, 0);
    EXPECT_EQ(rule("a").cooldown_ns, 60 * ns_per_s);
}

TEST(Parse, NoRules) {
    for (const std::string_view text : {"[]"sv, " [ ] "sv, "\r\n\t[\n]\n"sv}) {
        expect_rules(text, {});
    }
}

TEST(Parse, RulesKeepTheirOrder) {
    expect_rules("[{\"process\":\"b\"},\r\n{\"name\":\"a\"},\n{\"process\":\"*\"}]\n",
                 {rule("b"), rule("a"), rule("*")});
}

TEST(Parse, NoLimitIsZero) {
    expect_rules(R"([{"process":"a","cpu":0,"memory":0.0,"disk":-0,"network":0e5}])", {rule("a")});
}

TEST(Parse, EveryMetricIsAKey) {
    for (size_t i = 0; i < model::metric_count; i++) {
        Rule expected = rule("a");
        expected.limits[i] = 7;
        expect_rules(fmt::format(R"([{{"process":"a","{}":7}}])", model::metrics()[i].name),
                     {expected});
    }
}

TEST(Parse, AUserMayBeANumber) {
    for (const auto& [written, user] :
         {std::pair{"0", "0"}, {"1000", "1000"}, {"4294967294", "4294967294"}, {"\"7\"", "7"}}) {
        Rule expected = rule("a");
        expected.user = user;
        expect_rules(fmt::format(R"([{{"process":"a","user":{} }}])", written), {expected});
    }
}

TEST(Parse, ForMayBeZero) {
    for (const char* written : {"0", "0s", "00ms", "0.0s", "0d"}) {
        expect_rules(fmt::format(R"([{{"process":"a","for":"{}"}}])", written), {rule("a")});
    }
    Rule half = rule("a");
    half.for_ns = ns_per_s / 2;
    expect_rules(R"([{"process":"a","for":"0.5s"}])", {half});
}

TEST(Parse, MaximumDurations) {
    Rule expected = rule("a");
    expected.for_ns = expected.cooldown_ns = 366 * 86'400 * ns_per_s;
    expect_rules(R"([{"process":"a","for":"366d","cooldown":"366d"}])", {expected});
}

TEST(Parse, EscapesAndUnicodeInNames) {
    expect_rules(R"([{"process":"caf\u00e9 \ud83d\ude00 \"\\"}])", {rule("café 😀 \"\\")});
    expect_rules(R"([{"proc\u0065ss":"größe"}])", {rule("größe")});
    expect_rules(fmt::format(R"([{{"process":"{}"}}])", std::string(255, 'x')),
                 {rule(std::string(255, 'x'))});
}

TEST(Parse, RulesThatDifferInOneMemberAreDistinct) {
    const auto result =
        parse(R"([{"process":"a"},{"process":"a","cpu":1},{"process":"a","user":"b"},
                  {"process":"a","cgroup":"b"},{"process":"a","for":"1s"},
                  {"process":"a","cooldown":"1s"},{"process":"a","network":1}])",
              "c");
    ASSERT_TRUE(result) << result.error().context;
    EXPECT_EQ(result->size(), 7);
}

TEST(Parse, WrongLimits) {
    for (const char* found : {"-5",
                              "-0.1",
                              "NaN",
                              "nan",
                              "Infinity",
                              "-Infinity",
                              "1e999",
                              "-1e999",
                              "1000000000.1",
                              "1e10",
                              "123456789012345678901234567890",
                              "08",
                              "+5",
                              ".5",
                              "5.",
                              "1e",
                              "0x10",
                              "50%",
                              "\"50\"",
                              "true",
                              "null",
                              "True"}) {
        expect_error(fmt::format("[{{\"process\":\"a\",\n \"disk\": {} }}]", found),
                     fmt::format("2:10: rule 1: disk: {}, found {}", limit_expected, found));
    }
    expect_error(R"([{"process":"a"},{"process":"b","cpu":[1]}])",
                 fmt::format("1:39: rule 2: cpu: {}, found an array", limit_expected));
    expect_error(R"([{"process":"a","cpu":{"x":1}}])",
                 fmt::format("1:23: rule 1: cpu: {}, found an object", limit_expected));
}

TEST(Parse, WrongProcesses) {
    for (const auto& [written, found] :
         {Case{R"("")", R"("")"}, Case{R"("a\nb")", R"("a\nb")"},
          Case{R"("a\u0000")", R"("a\x00")"}, Case{R"("\u007f")", R"("\x7f")"},
          Case{R"("\u202e\t")", R"("\u{202e}\t")"}, Case{"5", "5"}, Case{"null", "null"},
          Case{"[]", "an array"}}) {
        expect_error(fmt::format(R"([{{"name": {}}}])", written),
                     fmt::format("1:11: rule 1: name: {}, found {}", name_expected, found));
    }
    expect_error(fmt::format(R"([{{"process":"{}"}}])", std::string(256, 'x')),
                 fmt::format("1:13: rule 1: process: {}, found \"{}...\"", name_expected,
                             std::string(60, 'x')));
    // Cut before the code point that contains the 60th byte.
    expect_error(fmt::format(R"([{{"process":"\t{}"}}])", std::string(58, 'x') + "üü"),
                 fmt::format("1:13: rule 1: process: {}, found \"\\t{}...\"", name_expected,
                             std::string(58, 'x')));
}

TEST(Parse, WrongOtherValues) {
    const Case cases[] = {
        {R"("user":"")", "user: expected a user name, or a uid from 0 to 4294967294, found \"\""},
        {R"("user":-1)", "user: expected a user name, or a uid from 0 to 4294967294, found -1"},
        {R"("user":1.5)", "user: expected a user name, or a uid from 0 to 4294967294, found 1.5"},
        {R"("user":4294967295)",
         "user: expected a user name, or a uid from 0 to 4294967294, found 4294967295"},
        {R"("user":true)", "user: expected a user name, or a uid from 0 to 4294967294, found true"},
        {R"("cgroup":"")",
         "cgroup: expected a cgroup's path or name of 1 to 4095 bytes without control characters, "
         "found \"\""},
        {R"("cgroup":1)",
         "cgroup: expected a cgroup's path or name of 1 to 4095 bytes without control characters, "
         "found 1"},
        {R"("for":5)",
         R"(for: expected a duration such as "500ms", "10s" or "5m", at most "366d", found 5)"},
        {R"("for":"5 s")",
         R"(for: expected a duration such as "500ms", "10s" or "5m", at most "366d", found "5 s")"},
        {R"("for":"-1s")",
         R"(for: expected a duration such as "500ms", "10s" or "5m", at most "366d", found "-1s")"},
        {R"("for":"367d")",
         R"(for: expected a duration such as "500ms", "10s" or "5m", at most "366d", found "367d")"},
        {R"("for":"")",
         R"(for: expected a duration such as "500ms", "10s" or "5m", at most "366d", found "")"},
        {R"("cooldown":"0s")",
         "cooldown: expected a duration above 0 such as \"30s\", \"5m\" or \"1h\", at most "
         "\"366d\", "
         "found \"0s\""},
        {R"("cooldown":null)",
         "cooldown: expected a duration above 0 such as \"30s\", \"5m\" or \"1h\", at most "
         "\"366d\", "
         "found null"},
    };
    for (const auto& [member, expected] : cases) {
        const size_t column = 16 + member.find(':') + 2;
        expect_error(fmt::format(R"([{{"process":"a",{}}}])", member),
                     fmt::format("1:{}: rule 1: {}", column, expected));
    }
}

TEST(Parse, WrongKeys) {
    for (const auto& [key, found] :
         {Case{"cpus", R"("cpus": did you mean "cpu"?)"},
          Case{"CPU", R"("CPU": did you mean "cpu"?)"},
          Case{"memroy", R"("memroy": did you mean "memory"?)"},
          Case{"nam", R"("nam": did you mean "name"?)"},
          Case{"Cool_down", R"("Cool_down": did you mean "cooldown"?)"},
          Case{"threads", R"("threads")"}, Case{"", R"("")"}, Case{"\\u001b[2J", R"("\e[2J")"}}) {
        expect_error(fmt::format("[{{\"process\":\"a\",\n\"{}\":1}}]", key),
                     fmt::format("2:1: rule 1: {}, found {}", keys_expected, found));
    }
    expect_error(
        fmt::format(R"([{{"{}":1}}])", std::string(100'000, 'k')),
        fmt::format("1:3: rule 1: {}, found \"{}...\"", keys_expected, std::string(60, 'k')));
    expect_error("[{\"process\":\"a\",\"cpu\":1,\n  \"cpu\":1}]",
                 "2:3: rule 1: cpu: expected the key once, found it again");
    expect_error("[{\"process\":\"a\",\n  \"name\":\"a\"}]",
                 "2:3: rule 1: name: expected either process or name, found both");
    expect_error("[{\"name\":\"a\",\"process\":\"a\"}]",
                 "1:14: rule 1: process: expected either name or process, found both");
}

TEST(Parse, WrongRules) {
    constexpr auto object = "expected an object such as {\"process\": \"nginx\", \"cpu\": 50}";
    expect_error("[{\"process\":\"a\"},\n 5]", fmt::format("2:2: rule 2: {}, found 5", object));
    expect_error("[[]]", fmt::format("1:2: rule 1: {}, found an array", object));
    expect_error("[\"a\"]", fmt::format("1:2: rule 1: {}, found \"a\"", object));
    expect_error("[\n{}]", "2:1: rule 1: expected the key process, found none");
    expect_error("[{\"process\":\"a\"},\n  {\"cpu\":5}]",
                 "2:3: rule 2: expected the key process, found none");
    expect_error("[\n{\"process\":\"a\"},\n{\"process\":\"b\"},\n  {\"cpu\":0,\"name\":\"a\"}]",
                 "4:3: rule 3: expected every rule once, found the one of line 2 again");
}

TEST(Parse, SizeIsLimited) {
    const std::string spaces(max_configuration_bytes - 2, ' ');
    expect_rules("[" + spaces + "]", {});
    expect_error("[ " + spaces + "]", "1:1048577: expected at most 1048576 bytes, found more");
}

TEST(Parse, ManyRulesAreParsedQuickly) {
    std::string text = "[";
    for (int i = 0; text.size() < 1'000'000; i++) {
        text += fmt::format("{}{{\"process\":\"a\",\"cpu\":{}}}", i == 0 ? "" : ",\n", i);
    }
    const std::clock_t begin = std::clock();  // of CPU time: others may be busy
    const auto result = parse(text + "]", "c");
    ASSERT_TRUE(result) << result.error().context;
    EXPECT_GT(result->size(), 30'000);
    EXPECT_LT(std::clock() - begin, 4 * CLOCKS_PER_SEC);  // with sanitizers
}

TEST(Parse, EscapesAnUntrustedFileName) {
    const auto result = parse("", "\x1b[2J.json");
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().context.starts_with("\\e[2J.json:1:1: ")) << result.error().context;
}

}  // namespace
}  // namespace vigil::rules
