// SPDX-License-Identifier: Apache-2.0
#include "rules/match.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "rules/engine.h"
#include "support/events.h"

namespace vigil::rules {
namespace {

TEST(Match, ACgroupNameMatchesAnyComponent) {
    const std::string path = "/system.slice/web.service/worker";
    EXPECT_TRUE(matches_cgroup("web.service", path));
    EXPECT_TRUE(matches_cgroup("system.slice", path));
    EXPECT_TRUE(matches_cgroup("work*", path));
    EXPECT_FALSE(matches_cgroup("web", path));
    EXPECT_FALSE(matches_cgroup("system*worker", path)) << "each by itself";
    EXPECT_FALSE(matches_cgroup("", path));
    EXPECT_FALSE(matches_cgroup("*", "/")) << "the root has no name";
    EXPECT_TRUE(matches_cgroup("b", "/a/b/"));
    EXPECT_FALSE(matches_cgroup("*", ""));
}

TEST(Match, ACgroupPathMatchesTheCgroupOrAnAncestor) {
    EXPECT_TRUE(matches_cgroup("/a/b/c", "/a/b/c"));
    EXPECT_TRUE(matches_cgroup("/a/b", "/a/b/c"));
    EXPECT_TRUE(matches_cgroup("/a", "/a/b/c"));
    EXPECT_TRUE(matches_cgroup("/", "/a/b/c"));
    EXPECT_TRUE(matches_cgroup("/", "/"));
    EXPECT_FALSE(matches_cgroup("/a/b/c", "/a/b"));
    EXPECT_FALSE(matches_cgroup("/b", "/a/b/c"));
    EXPECT_FALSE(matches_cgroup("b/c", "/a/b/c"));
    EXPECT_FALSE(matches_cgroup("/a/b/", "/a/b/c"));
    EXPECT_TRUE(matches_cgroup("/user.slice/*.scope", "/user.slice/u1/x.scope/y"));
    EXPECT_TRUE(matches_cgroup("*/b", "/a/b/c"));
    EXPECT_FALSE(matches_cgroup("/a", ""));
    EXPECT_FALSE(matches_cgroup("/a", "x")) << "no path, but no trouble";
}

TEST(Match, UsersByNameAndByNumber) {
    EXPECT_TRUE(is_uid("0"));
    EXPECT_FALSE(is_uid("root"));
    EXPECT_EQ(uid_of("0"), 0U);
    EXPECT_EQ(uid_of("1000"), 1000U);
    EXPECT_EQ(uid_of("4294967295"), UINT32_MAX);
}

TEST(Match, UnknownUsersHaveNoUid) {
    EXPECT_EQ(uid_of("no-such-user-here"), std::nullopt);
    EXPECT_EQ(uid_of(""), std::nullopt);
    EXPECT_EQ(uid_of("4294967296"), std::nullopt);
    EXPECT_EQ(uid_of("-1"), std::nullopt);
    EXPECT_EQ(uid_of(std::string(100'000, 'x')), std::nullopt);
}

class MatchingRules : public ::testing::Test {
 protected:
    MatchingRules() {
        subject_.process.uid = 1000;
        subject_.process.comm = test::comm("app");
    }

    using Text = std::optional<std::string>;
    bool holds(std::string process, Text user, Text cgroup) {
        Rule rule;
        rule.process = std::move(process);
        rule.user = std::move(user);
        rule.cgroup = std::move(cgroup);
        rule.limits = {100};
        Engine engine([](const ProcessView&, const LimitReport&) {});
        engine.apply({rule});
        // On a busy machine the answer may come after apply().
        while (rule.user && !is_uid(*rule.user) &&
               engine.users().directory().find(*rule.user).state == host::UserState::pending) {
        }
        engine.refresh_users();
        ProcessLimitState limits;
        engine.match(limits, subject_, 1);
        return Engine::is_watched(limits);
    }
    bool holds_for_name(std::string name) { return holds(std::move(name), {}, {}); }
    bool holds_for_user(std::string user) { return holds("*", std::move(user), {}); }
    bool holds_for_cgroup(std::string cgroup) { return holds("*", {}, std::move(cgroup)); }

    ProcessView subject_;
};

TEST_F(MatchingRules, ByName) {
    EXPECT_TRUE(holds_for_name("app"));
    EXPECT_FALSE(holds_for_name("App"));
    EXPECT_FALSE(holds_for_name("python?"));
    subject_.image = std::make_shared<const model::ExecImage>(
        model::ExecImage{.file = "/srv/a-name-of-many-bytes.py",
                         .executable = "python3",
                         .programs = {"/x/script-of-many-bytes"},
                         .argv = {}});
    EXPECT_TRUE(holds_for_name("app"));
    EXPECT_TRUE(holds_for_name("python?"));
    EXPECT_TRUE(holds_for_name("script-of-many-bytes"));
    EXPECT_TRUE(holds_for_name("a-name-of-many-bytes.py"));
    EXPECT_TRUE(holds_for_name("/srv/a-name-of-many-bytes.py"));
    EXPECT_TRUE(holds_for_name("/srv/*"));
    EXPECT_FALSE(holds_for_name("/opt/a-name-of-many-bytes.py"));
    subject_.process.comm = test::comm("kworker/0:1");
    EXPECT_TRUE(holds_for_name("kworker/0:*"));
}

TEST_F(MatchingRules, ByUser) {
    EXPECT_TRUE(holds_for_user("1000"));
    EXPECT_FALSE(holds_for_user("root"));
    EXPECT_FALSE(holds_for_user("no-such-user-here"));
    subject_.process.uid = 0;
    EXPECT_TRUE(holds_for_user("root"));
    EXPECT_FALSE(holds_for_user("no-such-user-here")) << "nobody, not root";
}

TEST_F(MatchingRules, ByCgroup) {
    EXPECT_FALSE(holds_for_cgroup("/")) << "it is not known";
    EXPECT_FALSE(holds_for_cgroup("*"));
    subject_.cgroup = std::make_shared<const std::string>("/system.slice/web.service");
    EXPECT_TRUE(holds_for_cgroup("/"));
    EXPECT_TRUE(holds_for_cgroup("web.service"));
    EXPECT_TRUE(holds_for_cgroup("/system.slice"));
    EXPECT_FALSE(holds_for_cgroup("/user.slice"));
}

TEST_F(MatchingRules, ByAllConditions) {
    subject_.cgroup = std::make_shared<const std::string>("/a");
    EXPECT_TRUE(holds("app", "1000", "a"));
    EXPECT_FALSE(holds("other", "1000", "a"));
    EXPECT_FALSE(holds("app", "1001", "a"));
    EXPECT_FALSE(holds("app", "1000", "b"));
}

// A literal implementation of the definition: all values are kept, and evaluated second by second.
struct ReferenceModel {
    struct Value {
        double value;
        uint64_t from_s, now_s;
    };
    Rule rule;
    bool is_rate;
    std::vector<Value> values = {};  // since the first above the limit
    bool raised = false;
    uint64_t reported_s = 0;

    uint64_t start_s(const Value& of) const { return is_rate ? of.from_s : of.now_s; }
    bool is_above_limit(const Value& of) const { return of.value > (is_rate ? 100 : 50); }
    double value_at(uint64_t second) const {
        const Value* found = &values[0];
        for (const Value& each : values) {
            found = start_s(each) <= second ? &each : found;
        }
        return found->value;
    }
    // State, peak, mean and seconds; empty: nothing is reported.
    std::string describe(std::string state, uint64_t until_s) const {
        const uint64_t begin_s = start_s(values[0]);
        double sum = 0;
        double peak = values[0].value;
        for (uint64_t second = begin_s; second < until_s; second++) {
            sum += value_at(second);
        }
        for (const Value& each : values) {
            const bool counts = state != "cleared" || start_s(each) < until_s;
            peak = counts ? std::max(peak, each.value) : peak;
        }
        const uint64_t seconds = until_s - begin_s;
        const double mean = seconds > 0 ? sum / static_cast<double>(seconds) : values[0].value;
        return fmt::format("{} ^{} ~{:.6g} {}s", state, peak, mean, seconds);
    }
    std::string evaluate(Value value) {
        values.push_back(value);
        if (!raised && !is_above_limit(value)) {
            values.clear();
            return "";
        }
        if (!raised) {
            if ((value.now_s - start_s(values[0])) * ns_per_s < rule.for_ns) {
                return "";
            }
            raised = true;
            reported_s = value.now_s;
            return describe("raised", value.now_s);
        }
        size_t below = values.size();
        while (!is_above_limit(values[below - 1])) {
            below--;
        }
        if (below < values.size() &&
            (value.now_s - start_s(values[below])) * ns_per_s >= rule.for_ns) {
            const std::string cleared = describe("cleared", start_s(values[below]));
            values.clear();
            raised = false;
            return cleared;
        }
        if ((value.now_s - reported_s) * ns_per_s < rule.cooldown_ns) {
            return "";
        }
        reported_s = value.now_s;
        return describe("ongoing", value.now_s);
    }
};

std::string describe(const LimitReport& report) {
    return fmt::format("{} ^{} ~{:.6g} {}s", model::to_string(report.state), report.peak,
                       report.mean, report.duration_ns / ns_per_s);
}

TEST(RandomSequences, AgreeWithTheReferenceModel) {
    std::mt19937 random(20261120);
    const auto below = [&](uint32_t end) { return static_cast<uint32_t>(random() % end); };
    size_t total_reported = 0;
    for (int iteration = 0; iteration < 400; iteration++) {
        std::string reported;
        Engine engine(
            [&](const ProcessView&, const LimitReport& report) { reported += describe(report); });
        Rule rule;
        rule.process = "*";
        rule.for_ns = below(7) * ns_per_s;
        rule.cooldown_ns = (3 + below(12)) * ns_per_s;
        rule.limits = {100, 50};
        const bool is_rate = below(2) == 0;
        rule.limits[is_rate ? 1 : 0] = 0;
        engine.apply({rule});
        ProcessView view;
        view.process.comm = test::comm("app");
        ProcessLimitState limits;
        ReferenceModel reference{.rule = rule, .is_rate = is_rate};
        uint64_t from_s = below(2);
        for (int step = 0; step < 100; step++) {
            const uint64_t now_s = from_s + 1 + below(4);
            if (below(10) == 0) {
                engine.apply({rule});
            }
            if (!engine.is_current(limits)) {
                engine.match(limits, view, from_s * ns_per_s);
            }
            model::Usage usage;
            std::string expected;
            if (below(5) != 0) {
                const double value = below(4) == 0 ? below(100) : 95 + below(10);
                usage = {value, value / 2};
                expected = reference.evaluate({is_rate ? value : value / 2, from_s, now_s});
            }
            engine.evaluate(limits, view, usage, from_s * ns_per_s, now_s * ns_per_s);
            ASSERT_EQ(std::exchange(reported, ""), expected)
                << "round " << iteration << " step " << step;
            ASSERT_EQ(engine.raised(), reference.raised ? 1U : 0U);
            total_reported += expected.empty() ? 0 : 1;
            from_s = now_s;
        }
    }
    EXPECT_GT(total_reported, 4000U);
}

TEST(RandomSequences, LeaveNothingRaised) {
    std::mt19937 random(20261121);
    const auto below = [&](uint32_t end) { return static_cast<uint32_t>(random() % end); };
    std::map<std::pair<uint32_t, model::Metric>, int> raised;  // one rule per process and metric
    size_t reported = 0;
    Engine engine([&](const ProcessView& view, const LimitReport& report) {
        const bool while_alive = !report.exited;
        const bool ends = report.state == model::ViolationState::cleared;
        int& state = raised[{view.process.pid, report.metric}];
        reported++;
        if (report.state == model::ViolationState::raised) {
            state += while_alive ? 1 : 0;
            EXPECT_GT(report.peak, report.limit);
        }
        EXPECT_LE(report.mean, report.peak);
        EXPECT_EQ(state, while_alive || ends ? 1 : 0);
        state -= ends ? 1 : 0;
    });
    const std::array<std::string_view, 3> names{"a", "b", "c"};
    std::array<std::pair<ProcessView, ProcessLimitState>, 8> processes;
    for (uint32_t i = 0; i < processes.size(); i++) {
        processes[i].first.process.pid = 1'000'000 + i;
    }
    uint64_t now_ns = 2 * ns_per_s;
    for (uint32_t step = 0; step < 50'000; step++) {
        auto& [view, limits] = processes[below(8)];
        model::Process& process = view.process;
        now_ns += ns_per_s;
        const model::Usage usage{below(200), below(200), below(200), {}};
        const uint64_t from_ns = now_ns - below(3) * ns_per_s;
        switch (below(12)) {
            case 0: {
                RuleSet rules(below(4));
                for (size_t i = 0; i < rules.size(); i++) {
                    rules[i].process = names[i];
                    rules[i].for_ns = below(3) * ns_per_s;
                    rules[i].limits = {50.0 * below(3), 100, 1.0 * below(2), 10};
                }
                engine.apply(std::move(rules));
                break;
            }
            case 1:
                process.comm = test::comm(names[below(3)]);
                engine.match(limits, view, now_ns);
                break;
            case 2:
                engine.on_exit(limits, view, usage, from_ns, now_ns);
                process.pid = step;
                break;
            case 3:
                engine.flush_suppressed(now_ns);
                break;
            default:
                engine.evaluate(limits, view, usage, from_ns, now_ns);
        }
        size_t sum = 0;
        for (const auto& [key, count] : raised) {
            sum += static_cast<size_t>(count);
        }
        ASSERT_EQ(engine.raised(), sum);
        std::erase_if(raised, [](const auto& entry) { return entry.second == 0; });
    }
    for (auto& [view, limits] : processes) {
        engine.on_exit(limits, view, {}, now_ns, now_ns);
    }
    EXPECT_EQ(engine.raised(), 0U);
    EXPECT_GT(reported, 5000U);
}

}  // namespace
}  // namespace vigil::rules
