// SPDX-License-Identifier: Apache-2.0
#include "rules/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "rules/parse.h"

namespace vigil::rules {
namespace {

TEST(Format, PrintsTheSampleAsWritten) {
    const auto rules = parse(R"([{"process":"nginx","cpu":50,"memory":200.5,"user":"www",
        "cgroup":"*.service","for":"90s","cooldown":"2h"},{"process":"*"}])",
                             "test");
    ASSERT_TRUE(rules);
    EXPECT_EQ(format(*rules, Layout::one_line),
              R"([{"process":"nginx","cpu":50,"memory":200.5,"disk":0,"network":0,"user":"www",)"
              R"("cgroup":"*.service","for":"90s","cooldown":"2h"},)"
              R"({"process":"*","cpu":0,"memory":0,"disk":0,"network":0}])");
    EXPECT_EQ(format({rules->back()}, Layout::readable),
              "[\n  {\n    \"process\": \"*\",\n    \"cpu\": 0,\n    \"memory\": 0,\n"
              "    \"disk\": 0,\n    \"network\": 0\n  }\n]\n");
    EXPECT_EQ(format({}, Layout::one_line), "[]");
    EXPECT_EQ(format({}, Layout::readable), "[]\n");
}

// An agent that is older than a metric refuses all rules where one names it.
TEST(Format, LeavesOutUnlimitedMetricsThatAnOldAgentDoesNotKnow) {
    Rule rule;
    rule.process = "*";
    const std::string line = format({rule}, Layout::one_line);
    for (size_t i = 0; i < model::metric_count; i++) {
        const std::string name(model::metrics()[i].name);
        EXPECT_EQ(line.find('"' + name + '"') != std::string::npos,
                  i <= model::index(model::Metric::network))
            << name;
    }
}

TEST(Format, RoundTrips) {
    std::mt19937_64 random(7);
    const char* const names[] = {"a",
                                 "*",
                                 "Web Content",
                                 "\xc3\xa9t\xc3\xa9",
                                 "a\"b\\c'",
                                 "[a-z]?",
                                 ("\xe2\x80\xae"
                                  "name")};
    const uint64_t times[] = {1, 999, 1'000, 1'500'000, ns_per_s, 90 * ns_per_s, 86'400 * ns_per_s};
    for (int round = 0; round < 500; round++) {
        RuleSet rules;
        for (size_t i = 0; i < round % 4U; i++) {
            Rule rule;
            rule.process = names[random() % std::size(names)] + std::to_string(i);
            for (double& limit : rule.limits) {
                limit = random() % 2 == 0 ? 0 : std::ldexp(static_cast<double>(random()), -40);
            }
            if (random() % 2 == 0) {
                rule.user = "alice";
                rule.cgroup = names[random() % std::size(names)];
            }
            rule.for_ns = random() % 2 == 0 ? 0 : times[random() % std::size(times)];
            rule.cooldown_ns = times[random() % std::size(times)];
            rules.push_back(rule);
        }
        for (const Layout layout : {Layout::one_line, Layout::readable}) {
            const std::string text = format(rules, layout);
            const auto read = parse(text, "test");
            ASSERT_TRUE(read) << read.error().context << "\n" << text;
            ASSERT_EQ(*read, rules) << text;
        }
    }
}

}  // namespace
}  // namespace vigil::rules
