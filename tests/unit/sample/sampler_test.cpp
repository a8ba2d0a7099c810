// SPDX-License-Identifier: Apache-2.0
// Over a sweep that leaves real processes out, as the kernel's iterators do on some machines.
#include "sample/sampler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "host/procfs.h"
#include "support/fake_sweep.h"
#include "support/processes.h"

namespace vigil::sample {
namespace {

using test::count_of;
using test::FakeSweep;
using test::Process;
using test::Samples;

constexpr uint64_t second = 1'000'000'000;

uint32_t self() { return static_cast<uint32_t>(::getpid()); }

class SamplerTest : public ::testing::Test {
 protected:
    SamplerTest()
        : sampler_(std::make_unique<FakeSweep>([this] { return sweep(); }), false),
          proc_(make_proc_sweep()) {}

    // All that /proc has, without what is hidden.
    Result<Samples> sweep() {
        Samples shown;
        TRY(proc_->take(shown));
        std::erase_if(shown, [&](const model::Sample& sample) {
            return hidden_.count(sample.process.pid) != 0;
        });
        if (after_sweep_) {
            after_sweep_();
        }
        return shown;
    }

    // How often the next sample of all shows `pid`.
    auto taken(uint32_t pid, uint64_t now_s = 100) {
        EXPECT_TRUE(sampler_.take(out_, now_s * second));
        return count_of(out_, pid);
    }

    std::set<uint32_t> hidden_;
    std::function<void()> after_sweep_;
    Samples out_;
    Sampler sampler_;
    std::unique_ptr<Sweep> proc_;
};

TEST_F(SamplerTest, WhatTheSweepShowsIsToldOnce) {
    const Process child;
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(taken(child.pid()), 1);
        EXPECT_EQ(count_of(out_, self()), 1);
    }
}

TEST_F(SamplerTest, TheFirstProcessIsAlwaysThere) {
    if (!host::read_stat(1)) {
        GTEST_SKIP() << "/proc/1 can't be read";
    }
    for (const bool hide : {true, true, false, true}) {
        hidden_ = hide ? std::set<uint32_t>{1} : std::set<uint32_t>{};
        EXPECT_EQ(taken(1), 1);
    }
}

TEST_F(SamplerTest, AHiddenOneIsThereFromTheSecondTakeOn) {
    const Process child;
    hidden_ = {child.pid()};
    EXPECT_EQ(taken(child.pid()), 0) << "it may only be young";
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(taken(child.pid()), 1);
    }
    const auto it = std::find_if(out_.begin(), out_.end(), [&](const model::Sample& sample) {
        return sample.process.pid == child.pid();
    });
    EXPECT_EQ(it->process.ppid, self());
    EXPECT_TRUE(it->counters.cpu_ns);
    EXPECT_TRUE(it->counters.rss_bytes);
}

TEST_F(SamplerTest, OneBornAfterTheSweepIsNotHidden) {
    std::unique_ptr<Process> child;
    after_sweep_ = [&] { child = std::make_unique<Process>(); };
    ASSERT_TRUE(sampler_.take(out_, 100 * second));
    after_sweep_ = nullptr;
    EXPECT_EQ(count_of(out_, child->pid()), 0);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(taken(child->pid()), 1);
    }
    hidden_ = {child->pid()};
    EXPECT_EQ(taken(child->pid()), 0) << "asked of /proc is only what was found hidden";
}

TEST_F(SamplerTest, AHiddenOneThatEndsIsGone) {
    Process child;
    const uint32_t pid = child.pid();
    hidden_ = {pid};
    taken(pid);
    EXPECT_EQ(taken(pid), 1);
    child.kill();
    EXPECT_EQ(taken(pid), 0) << "a zombie";
    child.end();
    EXPECT_EQ(taken(pid), 0);
}

TEST_F(SamplerTest, AZombieIsNever) {
    Process child;
    child.kill();
    for (const bool hide : {true, true, true, false}) {
        hidden_ = hide ? std::set{child.pid()} : std::set<uint32_t>{};
        EXPECT_EQ(taken(child.pid()), 0);
    }
}

TEST_F(SamplerTest, AHiddenOneThatTheSweepShowsAgainIsToldOnce) {
    const Process child;
    hidden_ = {child.pid()};
    taken(child.pid());
    EXPECT_EQ(taken(child.pid()), 1);
    hidden_.clear();
    EXPECT_EQ(taken(child.pid()), 1);
    EXPECT_EQ(taken(child.pid()), 1);
}

TEST_F(SamplerTest, ProcIsComparedOnceAMinute) {
    ASSERT_TRUE(sampler_.take(out_, 100 * second));
    const Process child;
    hidden_ = {child.pid()};
    EXPECT_EQ(taken(child.pid(), 101), 0);
    EXPECT_EQ(taken(child.pid(), 159), 0);
    EXPECT_EQ(taken(child.pid(), 160), 0) << "now it is suspected";
    EXPECT_EQ(taken(child.pid(), 161), 1);
}

TEST_F(SamplerTest, SeveralHiddenOnesInAnyOrder) {
    const Process first;
    const Process second_one;
    const Process third;
    hidden_ = {1, third.pid(), first.pid()};
    taken(1);
    hidden_.insert(second_one.pid());
    EXPECT_EQ(taken(first.pid(), 160), 1);
    taken(1, 161);
    for (const Process* each : {&first, &second_one, &third}) {
        EXPECT_EQ(count_of(out_, each->pid()), 1);
    }
}

TEST_F(SamplerTest, WhatStoodThereIsReplaced) {
    out_.resize(3);
    EXPECT_EQ(taken(0), 0);
}

TEST(Sampler, ACompleteSweepIsAllThereIs) {
    Samples shown(2);
    shown[0].process.pid = test::no_such_pid;
    shown[1].process.pid = self();
    Sampler sampler(std::make_unique<FakeSweep>([&] { return shown; }), true);
    Samples out;
    for (int i = 0; i < 3; i++) {
        ASSERT_TRUE(sampler.take(out, 100 * second));
        ASSERT_EQ(out.size(), 2U) << "not even process 1 is added";
        EXPECT_EQ(out[0].process.pid, test::no_such_pid);
    }
    shown.clear();
    ASSERT_TRUE(sampler.take(out, 100 * second));
    EXPECT_TRUE(out.empty());
}

std::unique_ptr<Sweep> failing_sweep() {
    return std::make_unique<FakeSweep>([] { return Error{ErrorCode::failed, "no sweep today"}; });
}

TEST(Sampler, WhereTheKernelsSweepFailsItIsTheTurnOfProc) {
    Sampler sampler(failing_sweep(), false);
    EXPECT_EQ(sampler.name(), "fake");
    EXPECT_EQ(sampler.reason(), "");
    for (uint64_t i = 1; i < 3; i++) {
        Samples out;
        ASSERT_TRUE(sampler.take(out, i * second));
        EXPECT_EQ(count_of(out, self()), 1);
        EXPECT_EQ(sampler.name(), "/proc");
        EXPECT_EQ(sampler.reason(), "no sweep today");
    }
}

TEST(Sampler, WhereThereIsNothingElseItIsAnError) {
    Sampler sampler(failing_sweep(), true);
    Samples out;
    const auto taken = sampler.take(out, second);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().context, "no sweep today");
    EXPECT_EQ(sampler.name(), "fake");
}

// Whichever way works here.
TEST(Sampler, TheBestSweepSeesThisProcessAndItsChild) {
    const Process child;
    Sampler sampler = Sampler::open({});
    EXPECT_EQ(sampler.reason().empty(), sampler.name() != "/proc") << sampler.reason();
    Samples out;
    ASSERT_TRUE(sampler.take(out, second));
    ASSERT_TRUE(sampler.take(out, 2 * second));
    for (const uint32_t pid : {self(), child.pid()}) {
        EXPECT_EQ(count_of(out, pid), 1) << sampler.name();
    }
}

}  // namespace
}  // namespace vigil::sample
