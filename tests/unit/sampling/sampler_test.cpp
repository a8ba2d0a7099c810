// SPDX-License-Identifier: Apache-2.0
// The sampler with a scanner that omits real processes, as the kernel's iterators do on some
// machines.
#include "sampling/sampler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "host/procfs.h"
#include "support/fake_scanner.h"
#include "support/processes.h"

namespace vigil::sampling {
namespace {

using test::count_of;
using test::FakeScanner;
using test::Process;
using test::Samples;

constexpr uint64_t second = 1'000'000'000;

uint32_t self() { return static_cast<uint32_t>(::getpid()); }

class SamplerTest : public ::testing::Test {
 protected:
    SamplerTest()
        : sampler_(std::make_unique<FakeScanner>([this] { return sweep(); }), false),
          proc_(make_proc_scanner()) {}

    // Everything in /proc except the hidden processes.
    Result<Samples> sweep() {
        Samples scanned;
        TRY(proc_->scan(scanned));
        std::erase_if(scanned, [&](const model::Sample& sample) {
            return hidden_.count(sample.process.pid) != 0;
        });
        if (after_sweep_) {
            after_sweep_();
        }
        return scanned;
    }

    // How often the next sample has `pid`.
    auto count_sampled(uint32_t pid, uint64_t now_s = 100) {
        EXPECT_TRUE(sampler_.sample(out_, now_s * second));
        return count_of(out_, pid);
    }

    std::set<uint32_t> hidden_;
    std::function<void()> after_sweep_;
    Samples out_;
    Sampler sampler_;
    std::unique_ptr<ProcessScanner> proc_;
};

TEST_F(SamplerTest, ReturnsEachProcessOnce) {
    const Process child;
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(count_sampled(child.pid()), 1);
        EXPECT_EQ(count_of(out_, self()), 1);
    }
}

TEST_F(SamplerTest, TheFirstProcessIsAlwaysThere) {
    if (!host::read_stat(1)) {
        GTEST_SKIP() << "/proc/1 can't be read";
    }
    for (const bool hide : {true, true, false, true}) {
        hidden_ = hide ? std::set<uint32_t>{1} : std::set<uint32_t>{};
        EXPECT_EQ(count_sampled(1), 1);
    }
}

TEST_F(SamplerTest, AHiddenProcessAppearsFromTheSecondSampleOn) {
    const Process child;
    hidden_ = {child.pid()};
    EXPECT_EQ(count_sampled(child.pid()), 0) << "it may only just have started";
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(count_sampled(child.pid()), 1);
    }
    const auto it = std::find_if(out_.begin(), out_.end(), [&](const model::Sample& sample) {
        return sample.process.pid == child.pid();
    });
    EXPECT_EQ(it->process.ppid, self());
    EXPECT_TRUE(it->counters.cpu_ns);
    EXPECT_TRUE(it->counters.rss_bytes);
}

TEST_F(SamplerTest, AProcessStartedAfterTheScanIsNotHidden) {
    std::unique_ptr<Process> child;
    after_sweep_ = [&] { child = std::make_unique<Process>(); };
    ASSERT_TRUE(sampler_.sample(out_, 100 * second));
    after_sweep_ = nullptr;
    EXPECT_EQ(count_of(out_, child->pid()), 0);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(count_sampled(child->pid()), 1);
    }
    hidden_ = {child->pid()};
    EXPECT_EQ(count_sampled(child->pid()), 0) << "only hidden processes are read from /proc";
}

TEST_F(SamplerTest, AHiddenProcessThatExitsIsRemoved) {
    Process child;
    const uint32_t pid = child.pid();
    hidden_ = {pid};
    count_sampled(pid);
    EXPECT_EQ(count_sampled(pid), 1);
    child.kill();
    EXPECT_EQ(count_sampled(pid), 0) << "a zombie";
    child.end();
    EXPECT_EQ(count_sampled(pid), 0);
}

TEST_F(SamplerTest, IgnoresZombies) {
    Process child;
    child.kill();
    for (const bool hide : {true, true, true, false}) {
        hidden_ = hide ? std::set{child.pid()} : std::set<uint32_t>{};
        EXPECT_EQ(count_sampled(child.pid()), 0);
    }
}

TEST_F(SamplerTest, AHiddenProcessThatReappearsIsReturnedOnce) {
    const Process child;
    hidden_ = {child.pid()};
    count_sampled(child.pid());
    EXPECT_EQ(count_sampled(child.pid()), 1);
    hidden_.clear();
    EXPECT_EQ(count_sampled(child.pid()), 1);
    EXPECT_EQ(count_sampled(child.pid()), 1);
}

TEST_F(SamplerTest, ProcIsComparedOnceAMinute) {
    ASSERT_TRUE(sampler_.sample(out_, 100 * second));
    const Process child;
    hidden_ = {child.pid()};
    EXPECT_EQ(count_sampled(child.pid(), 101), 0);
    EXPECT_EQ(count_sampled(child.pid(), 159), 0);
    EXPECT_EQ(count_sampled(child.pid(), 160), 0) << "suspected from now on";
    EXPECT_EQ(count_sampled(child.pid(), 161), 1);
}

TEST_F(SamplerTest, SeveralHiddenProcessesInAnyOrder) {
    const Process first;
    const Process second_one;
    const Process third;
    hidden_ = {1, third.pid(), first.pid()};
    count_sampled(1);
    hidden_.insert(second_one.pid());
    EXPECT_EQ(count_sampled(first.pid(), 160), 1);
    count_sampled(1, 161);
    for (const Process* each : {&first, &second_one, &third}) {
        EXPECT_EQ(count_of(out_, each->pid()), 1);
    }
}

TEST_F(SamplerTest, ReplacesTheOutput) {
    out_.resize(3);
    EXPECT_EQ(count_sampled(0), 0);
}

TEST(Sampler, ACompleteScannerIsNotCompared) {
    Samples scanned(2);
    scanned[0].process.pid = test::no_such_pid;
    scanned[1].process.pid = self();
    Sampler sampler(std::make_unique<FakeScanner>([&] { return scanned; }), true);
    Samples out;
    for (int i = 0; i < 3; i++) {
        ASSERT_TRUE(sampler.sample(out, 100 * second));
        ASSERT_EQ(out.size(), 2U) << "not even process 1 is added";
        EXPECT_EQ(out[0].process.pid, test::no_such_pid);
    }
    scanned.clear();
    ASSERT_TRUE(sampler.sample(out, 100 * second));
    EXPECT_TRUE(out.empty());
}

std::unique_ptr<ProcessScanner> failing_scanner() {
    return std::make_unique<FakeScanner>([] { return Error{ErrorCode::failed, "no sweep today"}; });
}

TEST(Sampler, FallsBackToProcOnFailure) {
    Sampler sampler(failing_scanner(), false);
    EXPECT_EQ(sampler.name(), "fake");
    EXPECT_EQ(sampler.reason(), "");
    for (uint64_t i = 1; i < 3; i++) {
        Samples out;
        ASSERT_TRUE(sampler.sample(out, i * second));
        EXPECT_EQ(count_of(out, self()), 1);
        EXPECT_EQ(sampler.name(), "/proc");
        EXPECT_EQ(sampler.reason(), "no sweep today");
    }
}

TEST(Sampler, FailsWithoutAFallback) {
    Sampler sampler(failing_scanner(), true);
    Samples out;
    const auto result = sampler.sample(out, second);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().context, "no sweep today");
    EXPECT_EQ(sampler.name(), "fake");
}

// With any method that works here.
TEST(Sampler, TheBestScannerSeesThisProcessAndItsChild) {
    const Process child;
    Sampler sampler = Sampler::open({});
    EXPECT_EQ(sampler.reason().empty(), sampler.name() != "/proc") << sampler.reason();
    Samples out;
    ASSERT_TRUE(sampler.sample(out, second));
    ASSERT_TRUE(sampler.sample(out, 2 * second));
    for (const uint32_t pid : {self(), child.pid()}) {
        EXPECT_EQ(count_of(out, pid), 1) << sampler.name();
    }
}

}  // namespace
}  // namespace vigil::sampling
