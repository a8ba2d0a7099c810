// SPDX-License-Identifier: Apache-2.0
// Limits without events: all data come from sweeps.

#include <unistd.h>

#include "host/procfs.h"
#include "monitor/watch.h"

namespace vigil::monitor {
namespace {

model::Sample with_memory(model::Sample sample, uint64_t megabytes) {
    sample.counters.rss_bytes = megabytes * mb;
    return sample;
}

model::Sample with_cpu(model::Sample sample, uint64_t ns) {
    sample.counters.cpu_ns = ns;
    return sample;
}

TEST_F(Watch, TheFirstSampleOfAnOldProcessGivesNoRate) {
    start({rule("*", 0.001, 1)});
    EXPECT_EQ(tick({with_cpu(with_memory(sample("old"), 2), 3600 * ns_per_s)}),
              Lines{"memory raised 2 old"});
    EXPECT_EQ(monitor_->table().size(), 1U);
    EXPECT_EQ(limits_->engine().raised(), 1U);
}

// Between two ticks one second of CPU time was used. The value depends on the time between them: at
// most from before the first to after the second, at least from after the first to before the
// second.
TEST_F(Watch, ABurnerHasTheValueOfItsGrowth) {
    start({rule("burner", 50)});
    const uint64_t before_first_ns = boot_now_ns();
    EXPECT_EQ(tick({with_cpu(sample("burner"), 7 * ns_per_s)}), Lines{});
    const uint64_t after_first_ns = boot_now_ns();
    test::becomes_true([&] { return boot_now_ns() > after_first_ns + 20 * ns_per_ms; });
    const uint64_t before_second_ns = boot_now_ns();
    EXPECT_EQ(tick({with_cpu(sample("burner"), 8 * ns_per_s)}).size(), 1U);
    const uint64_t after_second_ns = boot_now_ns();
    EXPECT_EQ(last().state, model::ViolationState::raised);
    const auto percent = [](uint64_t span_ns) { return 1e11 / static_cast<double>(span_ns); };
    EXPECT_GE(*last().value, percent(after_second_ns - before_first_ns));
    EXPECT_LE(*last().value, percent(before_second_ns - after_first_ns));
    EXPECT_EQ(last().limit, 50);
    EXPECT_EQ(last().peak, last().value);
    EXPECT_GE(last_.boot_ns, before_second_ns);
    EXPECT_LE(last_.boot_ns, after_second_ns);
    EXPECT_EQ(last_.kind, model::Kind::violation);
}

TEST_F(Watch, ABurnerThatRestsIsCleared) {
    start({rule("burner", 50)});
    tick({with_cpu(sample("burner"), 0)});
    EXPECT_EQ(tick({with_cpu(sample("burner"), 3600 * ns_per_s)}).size(), 1U);
    EXPECT_EQ(tick({with_cpu(sample("burner"), 3600 * ns_per_s)}), Lines{"cpu cleared 0 burner"});
}

TEST_F(Watch, ANewbornIsHeldAgainstTheWholeInterval) {
    start({rule("*", 49)});
    const auto born = sample("young", just_now());
    EXPECT_EQ(tick({with_cpu(born, 5 * ns_per_s)}), Lines{"cpu raised 50 young"})
        << "half of the interval";
}

TEST_F(Watch, ANewbornBelowTheLimitIsNot) {
    start({rule("*", 50)});
    EXPECT_EQ(tick({with_cpu(sample("young", just_now()), 5 * ns_per_s)}), Lines{});
}

TEST_F(Watch, SumsThatSeemToShrinkCountOnce) {
    start({rule("burner", 0.001)});
    tick({with_cpu(sample("burner"), 9 * ns_per_s)});
    EXPECT_EQ(tick({with_cpu(sample("burner"), 8 * ns_per_s)}), Lines{});
    EXPECT_EQ(tick({with_cpu(sample("burner"), 9 * ns_per_s)}), Lines{}) << "counted already";
    EXPECT_EQ(tick({with_cpu(sample("burner"), 10 * ns_per_s)}).size(), 1U);
}

TEST_F(Watch, WhatCantBeReadNeitherBreaksNorClears) {
    start({rule("big", 0, 1)});
    EXPECT_EQ(tick({with_memory(sample("big"), 2)}), Lines{"memory raised 2 big"});
    auto unreadable = sample("big");
    unreadable.counters = {};
    EXPECT_EQ(tick({unreadable}), Lines{});
    EXPECT_EQ(tick({with_memory(sample("big"), 1)}), Lines{"memory cleared 1 big"});
}

TEST_F(Watch, WhatASweepDoesNotShowHasEnded) {
    start({rule("big", 0, 1)});
    tick({with_memory(sample("big"), 2), sample("other", old_start_ns, pid + 1)});
    pop_reported();
    EXPECT_EQ(tick({sample("other", old_start_ns, pid + 1)}), Lines{"memory cleared - big exited"});
    EXPECT_EQ(monitor_->table().size(), 1U);
    EXPECT_EQ(limits_->engine().raised(), 0U);
    EXPECT_EQ(tick({}), Lines{});
    EXPECT_EQ(monitor_->table().size(), 0U);
}

TEST_F(Watch, AnotherProcessOfTheSamePid) {
    start({rule("*", 0, 1)});
    tick({with_memory(sample("first"), 2)});
    EXPECT_EQ(tick({with_memory(sample("second", old_start_ns + 1), 3)}),
              (Lines{"memory cleared - first exited", "memory raised 3 second"}));
    EXPECT_EQ(monitor_->table().size(), 1U);
    EXPECT_EQ(limits_->engine().raised(), 1U);
}

TEST_F(Watch, AStartFromProcIsThatOfTheSameProcess) {
    start({rule("*", 0, 1)});
    tick({with_memory(sample("same", 25'000'001), 2)});
    pop_reported();
    EXPECT_EQ(tick({with_memory(sample("same", 20'000'000), 2)}), Lines{});
    EXPECT_EQ(tick({with_memory(sample("same", 25'000'001), 1)}), Lines{"memory cleared 1 same"});
    EXPECT_EQ(last_.process.start_ns, 25'000'001U) << "the finer one";
}

TEST_F(Watch, ANewNameIsMatchedAnew) {
    start({rule("before", 0, 1), rule("after", 0, 2)});
    EXPECT_EQ(tick({with_memory(sample("before"), 5)}), Lines{"memory raised 5 before"});
    auto replaced = with_memory(sample("after"), 5);
    replaced.exec_id = 2;
    EXPECT_EQ(tick({replaced}), (Lines{"memory cleared - after", "memory raised 5 after"}));
    EXPECT_EQ(tick({replaced}), Lines{});
    auto renamed = with_memory(sample("before"), 5);  // prctl(2): no exec
    renamed.exec_id = 2;
    EXPECT_EQ(tick({renamed}), (Lines{"memory cleared - before", "memory raised 5 before"}));
}

TEST_F(Watch, AnotherUserIsMatchedAnew) {
    auto mine = rule("*", 0, 1);
    mine.user = "1234";
    start({mine});
    auto process = with_memory(sample("su"), 5);
    EXPECT_EQ(tick({process}), Lines{});
    process.process.uid = 1234;
    EXPECT_EQ(tick({process}), Lines{"memory raised 5 su"});
    process.process.uid = 0;
    EXPECT_EQ(tick({process}), Lines{"memory cleared - su"});
}

TEST_F(Watch, NewRulesHoldFromTheNextTick) {
    start({rule("x", 0, 10)});
    EXPECT_EQ(tick({with_memory(sample("x"), 5)}), Lines{});
    limits_->apply({rule("x", 0, 3)});
    EXPECT_EQ(pop_reported(), Lines{});
    EXPECT_EQ(tick({with_memory(sample("x"), 5)}), Lines{"memory raised 5 x"});
    limits_->apply({});
    EXPECT_EQ(tick({with_memory(sample("x"), 5)}), Lines{"memory cleared - x"});
}

TEST_F(Watch, NewRulesCanBeHeldAgainstTheLastMeasurementAtOnce) {
    start({rule("x", 0, 10)});
    EXPECT_EQ(tick({with_memory(sample("x"), 5)}), Lines{});
    limits_->apply({rule("x", 0, 3)});
    limits_->evaluate_now();
    EXPECT_EQ(pop_reported(), Lines{"memory raised 5 x"});
    limits_->evaluate_now();
    EXPECT_EQ(pop_reported(), Lines{}) << "raised already";
    EXPECT_EQ(tick({with_memory(sample("x"), 5)}), Lines{});
    limits_->apply({});
    limits_->evaluate_now();
    EXPECT_EQ(pop_reported(), Lines{"memory cleared - x"});
    EXPECT_EQ(limits_->engine().raised(), 0U);
}

TEST_F(Watch, TheUserIsANameOrANumber) {
    const auto roots = with_memory(sample("x"), 5);
    // On a busy machine the name may not be known in time.
    EXPECT_TRUE(test::becomes_true([&] {
        start({rule("*", 0, 1)});
        tick({roots});
        return user_ == "root";
    }));
    auto nobodys = with_memory(sample("x", old_start_ns, pid + 1), 5);
    nobodys.process.uid = 4'000'000'000;
    tick({roots, nobodys});
    EXPECT_EQ(user_, "4000000000");
}

TEST_F(Watch, ARealProcessHasItsProgramAndArguments) {
    using namespace std::string_literals;
    const test::Process child("/bin/sh", {"sh", "-c", "echo; read x", "argument"});
    ASSERT_TRUE(child.ready());
    start({rule("sh", 0, 1)});
    EXPECT_EQ(tick({with_memory(sample("sh", old_start_ns, child.pid()), 5)}),
              Lines{"memory raised 5 sh"});
    EXPECT_EQ(argv_, "sh\0-c\0echo; read x\0argument\0"s);
    EXPECT_EQ(executable_.front(), '/');
}

// As with /proc, which reports no execs.
TEST_F(Watch, WithoutExecIdsANewNameIsThatOfANewProgram) {
    using namespace std::string_literals;
    const test::Process child("/bin/sh", {"sh", "-c", "echo; read x; exec sleep 1000"});
    ASSERT_TRUE(child.ready());
    start({rule("*", 0, 1)});
    auto process = with_memory(sample("sh", old_start_ns, child.pid()), 5);
    process.exec_id = 0;
    EXPECT_EQ(tick({process}), Lines{"memory raised 5 sh"});
    EXPECT_EQ(argv_.substr(0, 3), "sh\0"s);
    child.write("\n");
    const auto runs_sleep = [&] { return host::read_arguments(child.pid(), 6) == "sleep\0"s; };
    ASSERT_TRUE(test::becomes_true(runs_sleep));
    process.process.comm = test::comm("sleep");
    process.counters.rss_bytes = 0;
    EXPECT_EQ(tick({process}), Lines{"memory cleared 0 sleep"});
    EXPECT_EQ(argv_, "sleep\0001000\0"s);
}

TEST_F(Watch, WhatThisProcessUsesIsKnown) {
    start({});
    const auto self = static_cast<uint32_t>(::getpid());
    tick({with_memory(sample("self", old_start_ns, self), 9)});
    EXPECT_EQ(monitor_->own_usage(), (model::Usage{std::nullopt, 9.0, std::nullopt, std::nullopt}));
    tick({with_memory(sample("self", old_start_ns, self), 8)});
    EXPECT_EQ(monitor_->own_usage(), (model::Usage{0.0, 8.0, std::nullopt, std::nullopt}));
}

TEST_F(Watch, ASweepThatFailsIsAnError) {
    auto sweep = std::make_unique<test::FakeScanner>([]() -> Result<test::Samples> {
        return Error{ErrorCode::failed, "no sweep today"};
    });
    ProcessMonitor failing(sampling::Sampler(std::move(sweep), true), nullptr, interval_ns);
    const auto failed = failing.tick();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().context, "no sweep today");
    failing.drain();  // without events: nothing to do
}

}  // namespace
}  // namespace vigil::monitor
