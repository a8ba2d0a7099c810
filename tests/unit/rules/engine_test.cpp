// SPDX-License-Identifier: Apache-2.0
#include "rules/engine.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/events.h"

namespace vigil::rules {
namespace {

using model::Usage;
using Lines = std::vector<std::string>;
using Limits = std::array<double, model::metric_count>;

Rule rule(std::string process, Limits limits, uint64_t for_s = 0, uint64_t cooldown_s = 60) {
    return {.process = std::move(process),
            .user = {},
            .cgroup = {},
            .limits = limits,
            .for_ns = for_s * ns_per_s,
            .cooldown_ns = cooldown_s * ns_per_s};
}
Usage cpu(std::optional<double> value) { return {value}; }
Usage memory(std::optional<double> value) { return {std::nullopt, value}; }

// "app raised cpu 150/100 ^150 ~140 5s exited +2": value or "-", limit, peak, mean, similar.
std::string line_of(const LimitReport& report) {
    const std::string value = report.value ? fmt::format("{}", *report.value) : "-";
    return fmt::format("{} {} {} {}/{} ^{} ~{:.6g} {}s{}{}", report.rule->process,
                       model::to_string(report.state),
                       model::metrics()[model::index(report.metric)].name, value, report.limit,
                       report.peak, report.mean, static_cast<double>(report.duration_ns) / ns_per_s,
                       report.exited ? " exited" : "",
                       report.similar > 0 ? fmt::format(" +{}", report.similar) : "");
}

struct Target {
    ProcessView view;
    ProcessLimitState limits;
};

Target target(std::string_view comm, uint32_t pid = 10, uint32_t ppid = 1) {
    Target result;
    result.view.process.pid = pid;
    result.view.process.ppid = ppid;
    result.view.process.comm = test::comm(comm);
    return result;
}

class EngineTest : public ::testing::Test {
 protected:
    EngineTest()
        : engine_([this](const ProcessView& view, const LimitReport& report) {
              reports_.push_back(line_of(report));
              last_pid_ = view.process.pid;
          }) {}

    // Times are in seconds. Functions that return lines return all lines since the previous such
    // call.
    void evaluate(Target& to, const Usage& usage, double from, double now) {
        if (!engine_.is_current(to.limits)) {
            engine_.match(to.limits, to.view, ns(from));
        }
        engine_.evaluate(to.limits, to.view, usage, ns(from), ns(now));
    }
    void evaluate(const Usage& usage, double from, double now) { evaluate(app_, usage, from, now); }
    Lines evaluated(const Usage& usage, double from, double now) {
        evaluate(usage, from, now);
        return pop_reports();
    }
    Lines match(double now) {
        engine_.match(app_.limits, app_.view, ns(now));
        return pop_reports();
    }
    Lines exit(Target& to, const Usage& usage, double from, double now) {
        engine_.on_exit(to.limits, to.view, usage, ns(from), ns(now));
        return pop_reports();
    }
    // A process that was never measured while alive.
    Lines exit_unseen(uint32_t pid, uint32_t ppid, double value, double now) {
        Target unseen = target("app", pid, ppid);
        return exit(unseen, cpu(value), now - 1, now);
    }
    Lines flush(double now) {
        engine_.flush_suppressed(ns(now));
        return pop_reports();
    }
    Lines pop_reports() { return std::exchange(reports_, {}); }
    // Before the first second it wraps around, as a difference of clocks does.
    static uint64_t ns(double s) {
        return static_cast<uint64_t>(static_cast<int64_t>(s * ns_per_s));
    }

    Engine engine_;
    Target app_ = target("app");
    Lines reports_;
    uint32_t last_pid_ = 0;
};

TEST_F(EngineTest, WithoutForOneMeasurementRaisesAndOneClears) {
    engine_.apply({rule("app", {100})});
    EXPECT_EQ(evaluated(cpu(100), 0, 5), Lines{}) << "the limit itself is allowed";
    EXPECT_EQ(evaluated(cpu(100.5), 5, 10), Lines{"app raised cpu 100.5/100 ^100.5 ~100.5 5s"});
    EXPECT_EQ(engine_.raised(), 1U);
    EXPECT_EQ(evaluated(cpu(400), 10, 15), Lines{}) << "reported already";
    EXPECT_EQ(evaluated(cpu(100), 15, 20), Lines{"app cleared cpu 100/100 ^400 ~250.25 10s"});
    EXPECT_EQ(engine_.raised(), 0U);
    EXPECT_EQ(evaluated(cpu(50), 20, 25), Lines{});
    EXPECT_EQ(evaluated(cpu(101), 25, 30), Lines{"app raised cpu 101/100 ^101 ~101 5s"})
        << "a new one";
}

TEST_F(EngineTest, ARateCountsFromTheStartOfItsInterval) {
    engine_.apply({rule("app", {100}, 5)});
    EXPECT_EQ(evaluated(cpu(150), 0, 4), Lines{});
    EXPECT_EQ(evaluated(cpu(200), 4, 5), Lines{"app raised cpu 200/100 ^200 ~160 5s"});
    EXPECT_EQ(evaluated(cpu(50), 5, 9.5), Lines{});
    EXPECT_EQ(evaluated(cpu(60), 9.5, 10), Lines{"app cleared cpu 60/100 ^200 ~160 5s"});
    EXPECT_EQ(evaluated(cpu(150), 10, 15), Lines{"app raised cpu 150/100 ^150 ~150 5s"});
    EXPECT_EQ(evaluated(cpu(50), 15, 20), Lines{"app cleared cpu 50/100 ^150 ~150 5s"})
        << "one long span is enough";
}

TEST_F(EngineTest, AGaugeCountsFromItsOwnTime) {
    engine_.apply({rule("app", {0, 100}, 5)});
    evaluate(memory(300), 0, 10);
    EXPECT_EQ(evaluated(memory(200), 10, 14), Lines{});
    EXPECT_EQ(evaluated(memory(110), 14, 15), Lines{"app raised memory 110/100 ^300 ~280 5s"});
    evaluate(memory(90), 15, 20);
    EXPECT_EQ(evaluated(memory(80), 20, 24), Lines{});
    EXPECT_EQ(evaluated(memory(70), 24, 25), Lines{"app cleared memory 70/100 ^300 ~195 10s"});
}

TEST_F(EngineTest, AFirstGaugeHasNoDuration) {
    engine_.apply({rule("app", {0, 100})});
    EXPECT_EQ(evaluated(memory(300), 0, 10), Lines{"app raised memory 300/100 ^300 ~300 0s"});
    EXPECT_EQ(evaluated(memory(50), 10, 20), Lines{"app cleared memory 50/100 ^300 ~300 10s"});
}

TEST_F(EngineTest, AMeasurementWithinTheLimitRestartsAnUnraisedOne) {
    engine_.apply({rule("app", {100}, 5)});
    evaluate(cpu(900), 0, 4);
    evaluate(cpu(100), 4, 5);
    EXPECT_EQ(evaluated(cpu(200), 5, 9), Lines{});
    EXPECT_EQ(evaluated(cpu(200), 9, 10), Lines{"app raised cpu 200/100 ^200 ~200 5s"});
}

TEST_F(EngineTest, ABriefDipIsPartOfARaisedViolation) {
    engine_.apply({rule("app", {100}, 5, 10)});
    evaluate(cpu(200), 0, 5);
    evaluate(cpu(0), 5, 9);
    evaluate(cpu(120), 9, 10);
    EXPECT_EQ(evaluated(cpu(0), 10, 14), Lines{"app raised cpu 200/100 ^200 ~200 5s"});
    EXPECT_EQ(evaluated(cpu(0), 14, 15), Lines{"app cleared cpu 0/100 ^200 ~112 10s"});
}

TEST_F(EngineTest, ReportsAgainEachCooldown) {
    engine_.apply({rule("app", {100}, 5, 10)});
    evaluate(cpu(200), 0, 5);
    evaluated(cpu(200), 5, 14);
    EXPECT_EQ(evaluated(cpu(200), 14, 15), Lines{"app ongoing cpu 200/100 ^200 ~200 15s"});
    EXPECT_EQ(evaluated(cpu(150), 15, 22), Lines{});
    EXPECT_EQ(evaluated(cpu(0), 22, 25), Lines{"app ongoing cpu 0/100 ^200 ~162 25s"})
        << "low, but not for long enough";
    EXPECT_EQ(evaluated(cpu(0), 25, 35), Lines{"app cleared cpu 0/100 ^200 ~184.091 22s"})
        << "cleared comes before ongoing";
    EXPECT_EQ(evaluated(cpu(0), 35, 100), Lines{});
}

TEST_F(EngineTest, UnavailableMetricsChangeNothing) {
    engine_.apply({rule("app", {100}, 5, 10)});
    evaluate(cpu(200), 0, 3);
    EXPECT_EQ(evaluated(cpu({}), 3, 9), Lines{});
    EXPECT_EQ(evaluated(cpu(100.5), 9, 10), Lines{"app raised cpu 100.5/100 ^200 ~190.05 10s"})
        << "the last value holds until the next";
    evaluate(cpu(50), 10, 11);
    EXPECT_EQ(evaluated(cpu({}), 11, 30), Lines{}) << "neither cleared nor ongoing";
    EXPECT_EQ(engine_.raised(), 1U);
    EXPECT_EQ(evaluated(cpu(50), 30, 31), Lines{"app cleared cpu 50/100 ^200 ~190.05 10s"});
}

TEST_F(EngineTest, LimitsAreIndependent) {
    engine_.apply({rule("app", {100, 50, 10, 1000}), rule("a*", {300}), rule("other", {1})});
    EXPECT_EQ(
        evaluated(Usage{400, 60, 20, 2000}, 0, 1),
        (Lines{"app raised cpu 400/100 ^400 ~400 1s", "app raised memory 60/50 ^60 ~60 0s",
               "app raised disk 20/10 ^20 ~20 1s", "app raised network 2000/1000 ^2000 ~2000 1s",
               "a* raised cpu 400/300 ^400 ~400 1s"}));
    EXPECT_EQ(engine_.raised(), 5U);
    EXPECT_EQ(evaluated(Usage{200, std::nullopt, 20, 0}, 1, 2),
              (Lines{"app cleared network 0/1000 ^2000 ~2000 1s",
                     "a* cleared cpu 200/300 ^400 ~400 1s"}));
    EXPECT_EQ(engine_.raised(), 3U);
}

TEST_F(EngineTest, ALimitStateIsCurrentUntilTheRulesChange) {
    EXPECT_FALSE(engine_.is_current(app_.limits));
    match(0);
    EXPECT_TRUE(engine_.is_current(app_.limits));
    EXPECT_FALSE(Engine::is_watched(app_.limits));
    engine_.apply({rule("app", {100})});
    EXPECT_EQ(engine_.rules().size(), 1U);
    EXPECT_FALSE(engine_.is_current(app_.limits));
    match(0);
    EXPECT_TRUE(engine_.is_current(app_.limits));
    EXPECT_TRUE(Engine::is_watched(app_.limits));
    engine_.apply(RuleSet(engine_.rules()));
    EXPECT_FALSE(engine_.is_current(app_.limits));
}

TEST_F(EngineTest, AChangedLimitContinuesTheMeasurement) {
    engine_.apply({rule("app", {100}, 0, 10)});
    evaluated(cpu(200), 0, 5);
    engine_.apply({rule("new", {1}), rule("app", {150}, 5, 10)});
    EXPECT_EQ(evaluated(cpu(180), 5, 10), Lines{});
    EXPECT_EQ(engine_.raised(), 1U);
    EXPECT_EQ(evaluated(cpu(180), 10, 15), Lines{"app ongoing cpu 180/150 ^200 ~186.667 15s"});
    EXPECT_EQ(evaluated(cpu(120), 15, 20), Lines{"app cleared cpu 120/150 ^200 ~186.667 15s"});
}

TEST_F(EngineTest, AnUnraisedMeasurementContinuesToo) {
    engine_.apply({rule("app", {100}, 10)});
    evaluate(cpu(200), 0, 5);
    engine_.apply({rule("app", {150}, 8)});
    EXPECT_EQ(evaluated(cpu(200), 5, 8), Lines{"app raised cpu 200/150 ^200 ~200 8s"});
}

TEST_F(EngineTest, ARemovedRuleIsCleared) {
    engine_.apply({rule("app", {100, 50}), rule("app", {300})});
    evaluated(Usage{400, 60}, 0, 5);
    engine_.apply({rule("app", {100, 50}), rule("b", {1}), rule("app", {300})});
    EXPECT_EQ(match(6), Lines{});
    engine_.apply({rule("app", {100})});
    EXPECT_EQ(engine_.raised(), 3U) << "until its Standing is matched";
    EXPECT_EQ(match(7),
              (Lines{"app cleared memory -/50 ^60 ~60 2s", "app cleared cpu -/300 ^400 ~400 7s"}))
        << "by metric; of the same rules by place";
    EXPECT_EQ(engine_.raised(), 1U);
    engine_.apply({rule("app", {100}, 5)});
    EXPECT_EQ(evaluated(cpu(10), 7, 8), Lines{});
    engine_.apply({});
    EXPECT_EQ(match(9), Lines{"app cleared cpu -/100 ^400 ~400 7s"}) << "until it fell below";
}

TEST_F(EngineTest, SkipsIntermediateRuleSets) {
    engine_.apply({rule("app", {100}), rule("a*", {100})});
    evaluated(cpu(200), 0, 5);
    engine_.apply({});
    engine_.apply({rule("a*", {120}), rule("b", {1}), rule("c", {1})});
    engine_.apply({rule("b", {1}), rule("a*", {130})});
    EXPECT_EQ(evaluated(cpu(200), 5, 10), Lines{"app cleared cpu -/100 ^200 ~200 5s"});
    EXPECT_EQ(engine_.raised(), 1U);
    EXPECT_EQ(evaluated(cpu(110), 10, 15), Lines{"a* cleared cpu 110/130 ^200 ~200 10s"});
}

TEST_F(EngineTest, AnOutdatedStateUsesTheRulesItWasMatchedWith) {
    engine_.apply({rule("app", {100})});
    match(0);
    engine_.apply({});
    engine_.evaluate(app_.limits, app_.view, cpu(200), 0, ns(1));
    EXPECT_EQ(pop_reports(), Lines{"app raised cpu 200/100 ^200 ~200 1s"});
}

TEST_F(EngineTest, AnExecMayChangeWhichRulesMatch) {
    engine_.apply({rule("app", {100}), rule("*", {100}, 0, 10), rule("new", {100})});
    evaluated(cpu(200), 0, 5);
    app_.view.process.comm = test::comm("new");
    EXPECT_EQ(match(6), Lines{"app cleared cpu -/100 ^200 ~200 6s"});
    EXPECT_EQ(engine_.raised(), 1U);
    EXPECT_EQ(evaluated(cpu(300), 6, 16), (Lines{"* ongoing cpu 300/100 ^300 ~262.5 16s",
                                                 "new raised cpu 300/100 ^300 ~300 10s"}));
}

TEST_F(EngineTest, AnExitClearsRaisedLimits) {
    engine_.apply({rule("app", {100, 50}, 5)});
    evaluate(Usage{200, 60}, 0, 5);
    evaluated(Usage{200, 60}, 5, 10);
    EXPECT_EQ(exit(app_, Usage{300, std::nullopt}, 10, 20),
              (Lines{"app cleared cpu 300/100 ^300 ~250 20s exited",
                     "app cleared memory -/50 ^60 ~60 15s exited"}));
    EXPECT_EQ(engine_.raised(), 0U);
    EXPECT_FALSE(engine_.is_current(app_.limits));
}

TEST_F(EngineTest, AnExitWithinTheLimitReportsTheViolationsDuration) {
    engine_.apply({rule("app", {100, 50}, 5)});
    evaluate(Usage{200, 60}, 0, 5);
    evaluated(Usage{200, 60}, 5, 10);
    EXPECT_EQ(exit(app_, Usage{10, 20}, 10, 12),
              (Lines{"app cleared cpu 10/100 ^200 ~200 10s exited",
                     "app cleared memory 20/50 ^60 ~60 5s exited"}));
}

TEST_F(EngineTest, AShortLifeAboveTheLimitIsOneReport) {
    engine_.apply({rule("app", {100, 50}, 2)});
    EXPECT_EQ(exit(app_, Usage{200, 60}, 10, 12),
              (Lines{"app raised cpu 200/100 ^200 ~200 2s exited",
                     "app raised memory 60/50 ^60 ~60 2s exited"}));
    EXPECT_EQ(engine_.raised(), 0U);
    Target brief = target("app", 11, 2);
    EXPECT_EQ(exit(brief, Usage{200, 60}, 10, 11.9), Lines{});
    Target modest = target("app", 12, 2);
    EXPECT_EQ(exit(modest, Usage{100, std::nullopt}, 10, 20), Lines{});
}

TEST_F(EngineTest, AnExitExtendsAnUnraisedMeasurement) {
    engine_.apply({rule("app", {100, 50}, 5)});
    evaluate(Usage{200, 60}, 0, 3);
    EXPECT_EQ(exit(app_, Usage{300, 70}, 3, 6), Lines{"app raised cpu 300/100 ^300 ~250 6s exited"})
        << "memory was seen beyond for 3 seconds";
    Target unmeasured = target("app", 11, 2);
    evaluate(unmeasured, Usage{200, 60}, 0, 3);
    EXPECT_EQ(exit(unmeasured, Usage{}, 3, 60), Lines{});
    Target low = target("app", 12, 2);
    evaluate(low, Usage{200, 60}, 0, 3);
    EXPECT_EQ(exit(low, Usage{10, 10}, 3, 60), Lines{});
}

TEST_F(EngineTest, AnExitUsesTheCurrentRules) {
    engine_.apply({rule("app", {100}), rule("a*", {100})});
    evaluated(cpu(200), 0, 5);
    engine_.apply({rule("a*", {150}), rule("*", {250})});
    EXPECT_EQ(exit(app_, cpu(300), 5, 10), (Lines{"app cleared cpu -/100 ^200 ~200 10s",
                                                  "a* cleared cpu 300/150 ^300 ~250 10s exited",
                                                  "* raised cpu 300/250 ^300 ~300 5s exited"}));
    EXPECT_EQ(engine_.raised(), 0U);
}

TEST_F(EngineTest, ReportsOneSiblingPerCooldown) {
    engine_.apply({rule("app", {100}, 0, 10)});
    EXPECT_EQ(exit_unseen(11, 1, 111, 1), Lines{"app raised cpu 111/100 ^111 ~111 1s exited"});
    EXPECT_EQ(exit_unseen(12, 1, 112, 0.9), Lines{}) << "slightly earlier, on another CPU";
    EXPECT_EQ(exit_unseen(13, 1, 50, 3), Lines{}) << "within the limit: none of them";
    EXPECT_EQ(exit_unseen(14, 1, 114, 10.5), Lines{});
    EXPECT_EQ(exit_unseen(15, 1, 115, 11), Lines{"app raised cpu 115/100 ^115 ~115 1s exited +2"});
    EXPECT_EQ(exit_unseen(16, 1, 116, 21), Lines{"app raised cpu 116/100 ^116 ~116 1s exited"});
}

TEST_F(EngineTest, SiblingsAreThoseOfOneParentRuleAndMetric) {
    engine_.apply({rule("app", {100, 50}), rule("a*", {100})});
    EXPECT_EQ(exit_unseen(11, 1, 200, 1).size(), 2U) << "two rules";
    Target other_metric = target("app", 12, 1);
    EXPECT_EQ(exit(other_metric, Usage{200, 60}, 0, 1),
              Lines{"app raised memory 60/50 ^60 ~60 1s exited"});
    EXPECT_EQ(exit_unseen(13, 2, 200, 1).size(), 2U) << "another parent";
}

TEST_F(EngineTest, SiblingsRaisedWhileAliveAreAllCleared) {
    engine_.apply({rule("app", {100})});
    for (uint32_t pid = 11; pid < 14; pid++) {
        Target sibling = target("app", pid, 1);
        evaluate(sibling, cpu(200), 0, 1);
        EXPECT_EQ(exit(sibling, cpu(200), 1, 2).size(), 2U);
    }
}

TEST_F(EngineTest, ReportsTheLastSuppressedAfterTheCooldown) {
    engine_.apply({rule("app", {100}, 0, 10)});
    EXPECT_EQ(exit_unseen(11, 1, 111, 1).size() + exit_unseen(12, 1, 112, 2).size(), 1U);
    EXPECT_EQ(exit_unseen(13, 1, 113, 3), Lines{});
    EXPECT_EQ(flush(10.9), Lines{});
    EXPECT_EQ(flush(11), Lines{"app raised cpu 113/100 ^113 ~113 1s exited +1"});
    EXPECT_EQ(last_pid_, 13U);
    EXPECT_EQ(exit_unseen(14, 1, 114, 20), Lines{}) << "the cooldown began anew";
    EXPECT_EQ(flush(21), Lines{"app raised cpu 114/100 ^114 ~114 1s exited"});
    EXPECT_EQ(flush(31), Lines{});
    EXPECT_EQ(flush(41), Lines{});
    EXPECT_EQ(exit_unseen(15, 1, 115, 42), Lines{"app raised cpu 115/100 ^115 ~115 1s exited"});
}

TEST_F(EngineTest, NewRulesFlushSuppressedReports) {
    engine_.apply({rule("app", {100}, 0, 10)});
    for (uint32_t pid = 11; pid < 15; pid++) {
        EXPECT_EQ(exit_unseen(pid, 1, 100 + pid, 1).size(), pid == 11 ? 1U : 0U);
    }
    engine_.apply({rule("app", {100}, 0, 10)});
    EXPECT_EQ(pop_reports(), Lines{"app raised cpu 114/100 ^114 ~114 1s exited +2"});
    EXPECT_EQ(exit_unseen(16, 1, 116, 2), Lines{"app raised cpu 116/100 ^116 ~116 1s exited"})
        << "no cooldown is left from before";
    EXPECT_EQ(flush(100), Lines{});
}

TEST_F(EngineTest, ReportsAllSiblingsWhenTheTableIsFull) {
    engine_.apply({rule("app", {100}, 0, 10)});
    const auto max_suppressed = static_cast<uint32_t>(Engine::max_suppressed);
    for (const uint32_t each : {1, 0}) {
        for (uint32_t parent = 1; parent <= max_suppressed; parent++) {
            ASSERT_EQ(exit_unseen(11, parent, 200, 1).size(), each);
        }
        EXPECT_EQ(exit_unseen(11, max_suppressed + 1, 200, 1).size(), 1U);
    }
    EXPECT_EQ(flush(11).size(), max_suppressed);
    EXPECT_EQ(flush(21), Lines{});
    EXPECT_EQ(exit_unseen(11, max_suppressed + 1, 200, 22).size(), 1U);
    EXPECT_EQ(exit_unseen(11, max_suppressed + 1, 200, 23).size(), 0U) << "there is room again";
}

}  // namespace
}  // namespace vigil::rules
