// SPDX-License-Identifier: Apache-2.0
#include "apps/verdict.h"

#include <gtest/gtest.h>

namespace vigil::apps {
namespace {

host::ModuleTotals module(uint64_t exits) {
    host::ModuleTotals totals;
    totals.process_exits = exits;
    totals.user_ns = exits * 1'000;
    totals.loaded_ns = 77;
    return totals;
}

// All of one instant.
Moment quiet(uint64_t module_exits, uint64_t seen, uint64_t dropped = 0) {
    return {module(module_exits), {seen, dropped}, {}, {seen, dropped}, module(module_exits)};
}

// The module had counted 1,000 before, and 200 processes end.
Testimony quiet_run(uint64_t module_exits = 200, uint64_t seen = 200, uint64_t dropped = 0) {
    Testimony told;
    told.start = quiet(1'000, 3);
    told.end = quiet(1'000 + module_exits, 3 + seen, dropped);
    told.duration_ns = 10'000'000'000;
    told.hook_at_last = {3 + seen, dropped};
    told.read = 3 + seen - dropped;
    told.hook_cpu_ns = 210'000;
    return told;
}

TEST(Verdict, AgreesWhereBothCountTheSame) {
    const Verdict verdict = judge(quiet_run());
    EXPECT_TRUE(verdict.agree);
    EXPECT_EQ(verdict.module_exits, 200U);
    EXPECT_EQ(verdict.hook_exits, 200U);
    EXPECT_EQ(verdict.difference, 0);
    EXPECT_EQ(verdict.accepted->least, 0);
    EXPECT_EQ(verdict.accepted->most, 0);
    EXPECT_EQ(verdict.module_cpu_ns, 200'000U);
    EXPECT_TRUE(verdict.reasons.empty());
}

TEST(Verdict, OneMoreOrLessIsDisagreementBetweenQuietMoments) {
    EXPECT_FALSE(judge(quiet_run(201, 200)).agree);
    EXPECT_EQ(judge(quiet_run(201, 200)).difference, 1);
    EXPECT_FALSE(judge(quiet_run(199, 200)).agree);
    EXPECT_EQ(judge(quiet_run(199, 200)).difference, -1);
}

TEST(Verdict, WhatEndsAfterTheLastMomentDoesNotCount) {
    Testimony told = quiet_run();
    told.hook_at_last.seen += 5;
    told.read += 5;
    EXPECT_TRUE(judge(told).agree);
    EXPECT_EQ(judge(told).hook_exits, 200U);
}

TEST(Verdict, WhatTheRingDroppedIsMissingAndExplained) {
    const Verdict verdict = judge(quiet_run(200, 200, 30));
    EXPECT_FALSE(verdict.agree);
    EXPECT_EQ(verdict.difference, 30);
    EXPECT_EQ(verdict.hook_exits, 170U);
    EXPECT_EQ(verdict.hook_dropped, 30U);
    ASSERT_EQ(verdict.reasons.size(), 1U);
    EXPECT_NE(verdict.reasons[0].find("no room for 30 exits"), std::string::npos);
}

TEST(Verdict, WhatNeverCameOutOfTheRingIsABugOfOurs) {
    Testimony told = quiet_run();
    told.read -= 7;
    const Verdict verdict = judge(told);
    EXPECT_FALSE(verdict.agree);
    EXPECT_EQ(verdict.difference, 7);
    ASSERT_EQ(verdict.reasons.size(), 1U);
    EXPECT_NE(verdict.reasons[0].find("bug"), std::string::npos);
}

TEST(Verdict, SkippedKprobesAreAReason) {
    Testimony told = quiet_run(195, 200);
    told.start.module_before->kprobe_missed = told.start.module_after->kprobe_missed = 2;
    told.end.module_before->kprobe_missed = told.end.module_after->kprobe_missed = 7;
    const Verdict verdict = judge(told);
    EXPECT_FALSE(verdict.agree);
    EXPECT_EQ(verdict.module_missed, 5U);
    EXPECT_NE(verdict.reasons.at(0).find("skipped the module's kprobes 5 times"),
              std::string::npos);
}

TEST(Verdict, KprobesThatAreOffAreAReason) {
    Testimony told = quiet_run(100, 200);
    told.kprobes_enabled = false;
    EXPECT_NE(judge(told).reasons.at(0).find("switched off"), std::string::npos);
    told.kprobes_enabled = std::nullopt;
    told.ftrace_enabled = false;
    EXPECT_NE(judge(told).reasons.at(0).find("kernel.ftrace_enabled is 0"), std::string::npos);
    told.ftrace_enabled = std::nullopt;
    EXPECT_NE(judge(told).reasons.at(0).find("explains it"), std::string::npos);
}

// The numbers fit only because both lack something, or because of who was on its way out.
TEST(Verdict, AKnownLossIsDisagreementEvenWhereTheNumbersFit) {
    Testimony told = quiet_run(190, 200, 10);
    EXPECT_EQ(judge(told).difference, 0);
    EXPECT_FALSE(judge(told).agree);
    EXPECT_NE(judge(told).reasons.at(0).find("no room for 10 exits"), std::string::npos);

    told = quiet_run(200, 200, 2);
    told.end.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_FALSE(judge(told).agree);

    told = quiet_run();
    told.end.in_flight = {{7, "a"}};
    told.read -= 1;
    EXPECT_FALSE(judge(told).agree);
    EXPECT_NE(judge(told).reasons.at(0).find("bug"), std::string::npos);

    told = quiet_run();
    told.kprobes_enabled = false;
    EXPECT_FALSE(judge(told).agree);
    EXPECT_NE(judge(told).reasons.at(0).find("switched off"), std::string::npos);
}

// What the kernel may have skipped was not skipped where the counts agree.
TEST(Verdict, ReasonsAreForDisagreementOnly) {
    Testimony told = quiet_run();
    told.missed_at_most = 4;
    EXPECT_TRUE(judge(told).agree);
    EXPECT_TRUE(judge(told).reasons.empty());
    told = quiet_run(204, 200);
    told.missed_at_most = 4;
    EXPECT_NE(judge(told).reasons.at(0).find("up to 4 exits"), std::string::npos);
}

TEST(Verdict, AnotherLoadOfTheModuleIsAnotherWitness) {
    Testimony told = quiet_run();
    told.end.module_before->loaded_ns = told.end.module_after->loaded_ns = 78;
    // Even where the numbers happen to fit.
    EXPECT_FALSE(judge(told).agree);
    EXPECT_NE(judge(told).reasons.at(0).find("loaded again"), std::string::npos);
    EXPECT_FALSE(judge(told).module_exits) << "what the first one counted is not known";
}

TEST(Verdict, AModuleThatIsGoneIsNoWitness) {
    Testimony told = quiet_run();
    told.end.module_after = std::nullopt;
    EXPECT_FALSE(judge(told).agree);
    told.end.module_before = std::nullopt;
    const Verdict verdict = judge(told);
    EXPECT_FALSE(verdict.agree);
    EXPECT_FALSE(verdict.module_exits);
    EXPECT_FALSE(verdict.difference);
    EXPECT_NE(verdict.reasons.at(0).find("unloaded meanwhile"), std::string::npos);
    EXPECT_EQ(to_text(told, verdict),
              "                        module          eBPF\n"
              "processes ended              -           200\n"
              "missed                       -             0\n"
              "their CPU time               -        0.000s\n"
              "disagree\n"
              "  the module was unloaded meanwhile: what it counted is gone\n");
    EXPECT_NE(to_json(told, verdict)
                  .find(R"("module":{"process_exits":null,"missed":null,"cpu_ns":null})"),
              std::string::npos);
    EXPECT_NE(to_json(told, verdict).find(R"("difference":null,"accepted":null)"),
              std::string::npos);
}

// At the end three may have been counted by the module and not yet by eBPF; at the start two.
TEST(Verdict, ABusyMomentAllowsForWhoWasBetweenTheTwo) {
    Testimony told = quiet_run(203, 200);
    told.end.hook_after.seen += 1;
    told.end.in_flight = {{7, "a"}, {8, "b"}};
    told.hook_at_last.seen += 1;
    told.read += 1;
    EXPECT_TRUE(judge(told).agree);
    EXPECT_EQ(judge(told).accepted->least, 0) << "nobody was between them at the start";
    EXPECT_EQ(judge(told).accepted->most, 3);
    told = quiet_run(204, 200);
    told.end.in_flight = {{7, "a"}, {8, "b"}, {9, "c"}};
    EXPECT_FALSE(judge(told).agree);

    told = quiet_run(198, 200);
    told.start.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_TRUE(judge(told).agree);
    told = quiet_run(197, 200);
    told.start.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_FALSE(judge(told).agree);
    // Who was between them at the start can only make eBPF's count larger.
    told = quiet_run(201, 200);
    told.start.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_FALSE(judge(told).agree);
}

TEST(Verdict, ABusyMomentAllowsForWhatTheModuleCountedMeanwhile) {
    Testimony told = quiet_run(197, 200);
    told.end.module_after->process_exits += 3;
    EXPECT_TRUE(judge(told).agree);
    told.end.module_after->process_exits -= 1;
    EXPECT_FALSE(judge(told).agree);

    told = quiet_run(203, 200);
    told.start.module_after->process_exits += 3;
    EXPECT_TRUE(judge(told).agree);
    told.start.module_after->process_exits -= 1;
    EXPECT_FALSE(judge(told).agree);
}

// However much is on its way out: two processes of verify's own have ended for certain.
TEST(Verdict, ABlindWitnessIsNotExcusedByABusyMoment) {
    Testimony told = quiet_run(0, 2);
    told.start.in_flight = told.end.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_EQ(judge(told).difference, -2);
    EXPECT_FALSE(judge(told).agree);
    EXPECT_NE(judge(told).reasons.at(0).find("the module has not seen"), std::string::npos);

    told = quiet_run(2, 0);
    told.start.in_flight = told.end.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_FALSE(judge(told).agree);
    EXPECT_NE(judge(told).reasons.at(0).find("eBPF has not seen"), std::string::npos);

    // What was counted while the moment lasted may have been another's end.
    told = quiet_run(2, 2);
    told.start.module_after->process_exits += 1;
    EXPECT_FALSE(judge(told).agree);
    EXPECT_TRUE(judge(quiet_run(2, 2)).agree);
}

TEST(Verdict, AMomentIsQuietWhereNothingMoved) {
    EXPECT_TRUE(quiet(5, 5).quiet());
    Moment moment = quiet(5, 5);
    moment.in_flight = {{1, "x"}};
    EXPECT_EQ(moment.width(), 1U);
    moment.hook_after.seen = 7;
    EXPECT_EQ(moment.width(), 3U);
    moment.module_after->process_exits = 9;
    EXPECT_EQ(moment.width(), 7U);
    EXPECT_FALSE(moment.quiet());
}

TEST(Verdict, AgreementInWords) {
    const Testimony told = quiet_run();
    EXPECT_EQ(to_text(told, judge(told)),
              "                        module          eBPF\n"
              "processes ended            200           200\n"
              "missed                       0             0\n"
              "their CPU time          0.000s        0.000s\n"
              "agree: both saw 200 processes end in 10.000s\n");
}

TEST(Verdict, DisagreementInWords) {
    Testimony told = quiet_run(200, 200, 1);
    told.end.in_flight.clear();
    told.start.in_flight = {};
    const std::string text = to_text(told, judge(told));
    EXPECT_NE(text.find("\ndisagree: eBPF saw 1 exit fewer than the module\n  eBPF's ring had"),
              std::string::npos)
        << text;
    told = quiet_run(190, 200);
    EXPECT_NE(to_text(told, judge(told)).find("the module saw 10 exits fewer than eBPF"),
              std::string::npos);
}

TEST(Verdict, NamesOfOthersCantWriteOnTheTerminal) {
    Testimony told = quiet_run();
    told.start.in_flight = {{7, "e\033[31mvil\n"}};
    const std::string text = to_text(told, judge(told));
    EXPECT_NE(text.find("on their way out at the start: e\\e[31mvil\\n (7)\n"), std::string::npos)
        << text;
    EXPECT_NE(text.find("a difference from -1 to 0 means nothing"), std::string::npos) << text;
}

TEST(Verdict, Json) {
    Testimony told = quiet_run(200, 200, 30);
    told.start.in_flight = {{7, "na\"me"}};
    const std::string json = to_json(told, judge(told));
    EXPECT_EQ(
        json,
        R"({"verdict":"disagree","duration_ns":10000000000,"difference":30,"accepted":{"least":-1,"most":0},)"
        R"("module":{"process_exits":200,"missed":0,"cpu_ns":200000},)"
        R"("ebpf":{"process_exits":170,"dropped":30,"missed_at_most":0,"cpu_ns":210000},)"
        R"("in_flight":{"start":[{"pid":7,"comm":"na\"me"}],"end":[]},)"
        R"("reasons":["eBPF's ring had no room for 30 exits: a larger --ring-size helps"]})"
        "\n");
}

}  // namespace
}  // namespace vigil::apps
