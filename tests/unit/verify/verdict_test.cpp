// SPDX-License-Identifier: Apache-2.0
#include "verify/verdict.h"

#include <gtest/gtest.h>

namespace vigil::verify {
namespace {

host::ModuleTotals module(uint64_t exits) {
    host::ModuleTotals totals;
    totals.process_exits = exits;
    totals.user_ns = exits * 1'000;
    totals.loaded_ns = 77;
    return totals;
}

// All readings are of one instant.
CounterSnapshot quiet(uint64_t module_exits, uint64_t seen, uint64_t dropped = 0) {
    return {module(module_exits), {seen, dropped}, {}, {seen, dropped}, module(module_exits)};
}

// The module had counted 1,000 before, and 200 processes exit.
VerifyRun quiet_run(uint64_t module_exits = 200, uint64_t seen = 200, uint64_t dropped = 0) {
    VerifyRun run;
    run.start = quiet(1'000, 3);
    run.end = quiet(1'000 + module_exits, 3 + seen, dropped);
    run.duration_ns = 10'000'000'000;
    run.final_hook = {3 + seen, dropped};
    run.read = 3 + seen - dropped;
    run.hook_cpu_ns = 210'000;
    return run;
}

TEST(Verdict, AgreesOnEqualCounts) {
    const Verdict verdict = evaluate(quiet_run());
    EXPECT_TRUE(verdict.agree);
    EXPECT_EQ(verdict.module_exits, 200U);
    EXPECT_EQ(verdict.hook_exits, 200U);
    EXPECT_EQ(verdict.difference, 0);
    EXPECT_EQ(verdict.accepted->min, 0);
    EXPECT_EQ(verdict.accepted->max, 0);
    EXPECT_EQ(verdict.module_cpu_ns, 200'000U);
    EXPECT_TRUE(verdict.reasons.empty());
}

TEST(Verdict, DisagreesOnOneMoreOrLessBetweenQuietSnapshots) {
    EXPECT_FALSE(evaluate(quiet_run(201, 200)).agree);
    EXPECT_EQ(evaluate(quiet_run(201, 200)).difference, 1);
    EXPECT_FALSE(evaluate(quiet_run(199, 200)).agree);
    EXPECT_EQ(evaluate(quiet_run(199, 200)).difference, -1);
}

TEST(Verdict, IgnoresExitsAfterTheLastSnapshot) {
    VerifyRun run = quiet_run();
    run.final_hook.seen += 5;
    run.read += 5;
    EXPECT_TRUE(evaluate(run).agree);
    EXPECT_EQ(evaluate(run).hook_exits, 200U);
}

TEST(Verdict, ExplainsExitsDroppedByTheRing) {
    const Verdict verdict = evaluate(quiet_run(200, 200, 30));
    EXPECT_FALSE(verdict.agree);
    EXPECT_EQ(verdict.difference, 30);
    EXPECT_EQ(verdict.hook_exits, 170U);
    EXPECT_EQ(verdict.hook_dropped, 30U);
    ASSERT_EQ(verdict.reasons.size(), 1U);
    EXPECT_NE(verdict.reasons[0].find("no space for 30 exits"), std::string::npos);
}

TEST(Verdict, ReportsUnreadExitsAsABug) {
    VerifyRun run = quiet_run();
    run.read -= 7;
    const Verdict verdict = evaluate(run);
    EXPECT_FALSE(verdict.agree);
    EXPECT_EQ(verdict.difference, 7);
    ASSERT_EQ(verdict.reasons.size(), 1U);
    EXPECT_NE(verdict.reasons[0].find("bug"), std::string::npos);
}

TEST(Verdict, ReportsSkippedKprobes) {
    VerifyRun run = quiet_run(195, 200);
    run.start.module_before->kprobe_missed = run.start.module_after->kprobe_missed = 2;
    run.end.module_before->kprobe_missed = run.end.module_after->kprobe_missed = 7;
    const Verdict verdict = evaluate(run);
    EXPECT_FALSE(verdict.agree);
    EXPECT_EQ(verdict.module_missed, 5U);
    EXPECT_NE(verdict.reasons.at(0).find("skipped the module's kprobes 5 times"),
              std::string::npos);
}

TEST(Verdict, ReportsDisabledKprobes) {
    VerifyRun run = quiet_run(100, 200);
    run.kprobes_enabled = false;
    EXPECT_NE(evaluate(run).reasons.at(0).find("switched off"), std::string::npos);
    run.kprobes_enabled = std::nullopt;
    run.ftrace_enabled = false;
    EXPECT_NE(evaluate(run).reasons.at(0).find("kernel.ftrace_enabled is 0"), std::string::npos);
    run.ftrace_enabled = std::nullopt;
    EXPECT_NE(evaluate(run).reasons.at(0).find("explains it"), std::string::npos);
}

// The numbers agree only because both sides miss exits, or because of exits in flight.
TEST(Verdict, DisagreesOnAKnownLossEvenIfCountsMatch) {
    VerifyRun run = quiet_run(190, 200, 10);
    EXPECT_EQ(evaluate(run).difference, 0);
    EXPECT_FALSE(evaluate(run).agree);
    EXPECT_NE(evaluate(run).reasons.at(0).find("no space for 10 exits"), std::string::npos);

    run = quiet_run(200, 200, 2);
    run.end.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_FALSE(evaluate(run).agree);

    run = quiet_run();
    run.end.in_flight = {{7, "a"}};
    run.read -= 1;
    EXPECT_FALSE(evaluate(run).agree);
    EXPECT_NE(evaluate(run).reasons.at(0).find("bug"), std::string::npos);

    run = quiet_run();
    run.kprobes_enabled = false;
    EXPECT_FALSE(evaluate(run).agree);
    EXPECT_NE(evaluate(run).reasons.at(0).find("switched off"), std::string::npos);
}

// If the counts agree, the kernel has not skipped programs.
TEST(Verdict, GivesReasonsOnlyOnDisagreement) {
    VerifyRun run = quiet_run();
    run.max_missed = 4;
    EXPECT_TRUE(evaluate(run).agree);
    EXPECT_TRUE(evaluate(run).reasons.empty());
    run = quiet_run(204, 200);
    run.max_missed = 4;
    EXPECT_NE(evaluate(run).reasons.at(0).find("up to 4 exits"), std::string::npos);
}

TEST(Verdict, DisagreesIfTheModuleWasReloaded) {
    VerifyRun run = quiet_run();
    run.end.module_before->loaded_ns = run.end.module_after->loaded_ns = 78;
    // Even if the numbers agree by chance.
    EXPECT_FALSE(evaluate(run).agree);
    EXPECT_NE(evaluate(run).reasons.at(0).find("loaded again"), std::string::npos);
    EXPECT_FALSE(evaluate(run).module_exits) << "what the first one counted is not known";
}

TEST(Verdict, DisagreesIfTheModuleWasUnloaded) {
    VerifyRun run = quiet_run();
    run.end.module_after = std::nullopt;
    EXPECT_FALSE(evaluate(run).agree);
    run.end.module_before = std::nullopt;
    const Verdict verdict = evaluate(run);
    EXPECT_FALSE(verdict.agree);
    EXPECT_FALSE(verdict.module_exits);
    EXPECT_FALSE(verdict.difference);
    EXPECT_NE(verdict.reasons.at(0).find("unloaded meanwhile"), std::string::npos);
    EXPECT_EQ(to_text(run, verdict),
              "                        module          eBPF\n"
              "processes ended              -           200\n"
              "missed                       -             0\n"
              "their CPU time               -        0.000s\n"
              "disagree\n"
              "  the module was unloaded meanwhile: its count is lost\n");
    EXPECT_NE(to_json(run, verdict)
                  .find(R"("module":{"process_exits":null,"missed":null,"cpu_ns":null})"),
              std::string::npos);
    EXPECT_NE(to_json(run, verdict).find(R"("difference":null,"accepted":null)"),
              std::string::npos);
}

// At the end up to three may have been counted by the module and not yet by eBPF; at the start two.
TEST(Verdict, ToleratesExitsInFlightAtASnapshot) {
    VerifyRun run = quiet_run(203, 200);
    run.end.hook_after.seen += 1;
    run.end.in_flight = {{7, "a"}, {8, "b"}};
    run.final_hook.seen += 1;
    run.read += 1;
    EXPECT_TRUE(evaluate(run).agree);
    EXPECT_EQ(evaluate(run).accepted->min, 0) << "nobody was between them at the start";
    EXPECT_EQ(evaluate(run).accepted->max, 3);
    run = quiet_run(204, 200);
    run.end.in_flight = {{7, "a"}, {8, "b"}, {9, "c"}};
    EXPECT_FALSE(evaluate(run).agree);

    run = quiet_run(198, 200);
    run.start.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_TRUE(evaluate(run).agree);
    run = quiet_run(197, 200);
    run.start.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_FALSE(evaluate(run).agree);
    // Exits in flight at the start can only make eBPF's count larger.
    run = quiet_run(201, 200);
    run.start.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_FALSE(evaluate(run).agree);
}

TEST(Verdict, ToleratesExitsCountedDuringASnapshot) {
    VerifyRun run = quiet_run(197, 200);
    run.end.module_after->process_exits += 3;
    EXPECT_TRUE(evaluate(run).agree);
    run.end.module_after->process_exits -= 1;
    EXPECT_FALSE(evaluate(run).agree);

    run = quiet_run(203, 200);
    run.start.module_after->process_exits += 3;
    EXPECT_TRUE(evaluate(run).agree);
    run.start.module_after->process_exits -= 1;
    EXPECT_FALSE(evaluate(run).agree);
}

// However many exits are in flight: two processes of verify itself have certainly exited.
TEST(Verdict, RequiresOwnExitsDespiteABusySnapshot) {
    VerifyRun run = quiet_run(0, 2);
    run.start.in_flight = run.end.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_EQ(evaluate(run).difference, -2);
    EXPECT_FALSE(evaluate(run).agree);
    EXPECT_NE(evaluate(run).reasons.at(0).find("the module has not seen"), std::string::npos);

    run = quiet_run(2, 0);
    run.start.in_flight = run.end.in_flight = {{7, "a"}, {8, "b"}};
    EXPECT_FALSE(evaluate(run).agree);
    EXPECT_NE(evaluate(run).reasons.at(0).find("eBPF has not seen"), std::string::npos);

    // Exits counted during the snapshot may be of other processes.
    run = quiet_run(2, 2);
    run.start.module_after->process_exits += 1;
    EXPECT_FALSE(evaluate(run).agree);
    EXPECT_TRUE(evaluate(quiet_run(2, 2)).agree);
}

TEST(Verdict, SnapshotIsQuietIfNothingChanged) {
    EXPECT_TRUE(quiet(5, 5).quiet());
    CounterSnapshot snapshot = quiet(5, 5);
    snapshot.in_flight = {{1, "x"}};
    EXPECT_EQ(snapshot.uncertainty(), 1U);
    snapshot.hook_after.seen = 7;
    EXPECT_EQ(snapshot.uncertainty(), 3U);
    snapshot.module_after->process_exits = 9;
    EXPECT_EQ(snapshot.uncertainty(), 7U);
    EXPECT_FALSE(snapshot.quiet());
}

TEST(Verdict, AgreementText) {
    const VerifyRun run = quiet_run();
    EXPECT_EQ(to_text(run, evaluate(run)),
              "                        module          eBPF\n"
              "processes ended            200           200\n"
              "missed                       0             0\n"
              "their CPU time          0.000s        0.000s\n"
              "agree: both saw 200 processes end in 10.000s\n");
}

TEST(Verdict, DisagreementText) {
    VerifyRun run = quiet_run(200, 200, 1);
    run.end.in_flight.clear();
    run.start.in_flight = {};
    const std::string text = to_text(run, evaluate(run));
    EXPECT_NE(text.find("\ndisagree: eBPF saw 1 exit fewer than the module\n  eBPF's ring had"),
              std::string::npos)
        << text;
    run = quiet_run(190, 200);
    EXPECT_NE(to_text(run, evaluate(run)).find("the module saw 10 exits fewer than eBPF"),
              std::string::npos);
}

TEST(Verdict, EscapesProcessNames) {
    VerifyRun run = quiet_run();
    run.start.in_flight = {{7, "e\033[31mvil\n"}};
    const std::string text = to_text(run, evaluate(run));
    EXPECT_NE(text.find("exiting at the start: e\\e[31mvil\\n (7)\n"), std::string::npos) << text;
    EXPECT_NE(text.find("a difference from -1 to 0 means nothing"), std::string::npos) << text;
}

TEST(Verdict, Json) {
    VerifyRun run = quiet_run(200, 200, 30);
    run.start.in_flight = {{7, "na\"me"}};
    const std::string json = to_json(run, evaluate(run));
    EXPECT_EQ(
        json,
        R"({"verdict":"disagree","duration_ns":10000000000,"difference":30,"accepted":{"least":-1,"most":0},)"
        R"("module":{"process_exits":200,"missed":0,"cpu_ns":200000},)"
        R"("ebpf":{"process_exits":170,"dropped":30,"missed_at_most":0,"cpu_ns":210000},)"
        R"("in_flight":{"start":[{"pid":7,"comm":"na\"me"}],"end":[]},)"
        R"("reasons":["eBPF's ring had no space for 30 exits: a larger --ring-size helps"]})"
        "\n");
}

}  // namespace
}  // namespace vigil::verify
