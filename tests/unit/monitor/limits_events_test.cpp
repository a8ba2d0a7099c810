// SPDX-License-Identifier: Apache-2.0
// Limits with events (forks, execs, exits) from a ring that the test fills.
#include <unistd.h>

#include <cstring>

#include "monitor/watch.h"
#include "support/fake_kernel.h"

namespace vigil::monitor {
namespace {

using namespace std::string_view_literals;

constexpr uint32_t parent_pid = pid - 1;
constexpr uint64_t parent_start_ns = 54'321;

class WatchEvents : public Watch {
 protected:
    void SetUp() override {
        kernel_ = test::FakeKernel::create(1 << 16, 1);
        if (!kernel_) {
            GTEST_SKIP() << "this kernel or these privileges give no BPF ring";
        }
        auto reader = capture::RingReader::open(kernel_->fds());
        ASSERT_TRUE(reader) << reader.error().context;
        reader_ = std::make_unique<capture::RingReader>(std::move(*reader));
    }

    void start(rules::RuleSet rules) { Watch::start(std::move(rules), reader_.get()); }

    // Reports while the monitor reads the sent events.
    Lines drain() {
        monitor_->drain();
        return pop_reported();
    }

    static void set(vigil_header& header, std::string_view comm, uint64_t start_ns) {
        header.pid = header.tid = pid;
        header.ppid = parent_pid;
        header.start_ns = start_ns;
        header.uid = 0;
        header.cgroup_id = 0;
        header.time_ns = boot_now_ns();
        test::set_comm(header.comm, comm);
    }
    void fork(std::string_view comm, uint64_t start_ns) {
        auto record = test::fork_record();
        set(record.header, comm, start_ns);
        record.parent_start_ns = parent_start_ns;
        EXPECT_TRUE(kernel_->send(test::bytes_of(record)));
    }
    void exec(std::string_view comm, uint64_t start_ns, std::string_view file,
              uint32_t number = pid) {
        auto bytes = test::exec_record(file, "tool\0-x\0"sv);
        vigil_header header;
        std::memcpy(&header, bytes.data(), sizeof header);
        set(header, comm, start_ns);
        header.pid = header.tid = number;
        std::memcpy(bytes.data(), &header, sizeof header);
        EXPECT_TRUE(kernel_->send(bytes));
    }
    // An exit with the members of `usage`, except its header.
    void exit(std::string_view comm, uint64_t start_ns, vigil_exit usage) {
        set(usage.header, comm, start_ns);
        EXPECT_TRUE(kernel_->send(test::bytes_of(usage)));
    }
    static vigil_exit usage(uint64_t cpu_ns, uint64_t peak_pages = 0) {
        auto record = test::exit_record();
        record.runtime_ns = cpu_ns;
        record.peak_rss_pages = peak_pages;
        return record;
    }
    static model::Sample parent() { return sample("parent", parent_start_ns, parent_pid); }

    std::unique_ptr<test::FakeKernel> kernel_;
    std::unique_ptr<capture::RingReader> reader_;
};

TEST_F(WatchEvents, AShortLifeIsJudgedByItsFinalBill) {
    start({rule("brief", 49)});
    const uint64_t born_ns = just_now();
    fork("sh", born_ns);
    exec("brief", born_ns, "/opt/brief");
    exit("brief", born_ns, usage(5 * ns_per_s));
    EXPECT_EQ(drain(), Lines{"cpu raised 50 brief exited"}) << "held against the interval";
    EXPECT_EQ(executable_, "/opt/brief");
    EXPECT_EQ(argv_, "tool\0-x\0"sv);
    EXPECT_EQ(monitor_->table().size(), 0U);
    EXPECT_EQ(tick({}), Lines{});
}

TEST_F(WatchEvents, OnlyWhatCameAfterTheLastSampleIsNew) {
    start({rule("burner", 49)});
    auto measured = sample("burner");
    measured.counters.cpu_ns = 100 * ns_per_s;
    EXPECT_EQ(tick({measured}), Lines{});
    exit("burner", old_start_ns, usage(105 * ns_per_s));
    EXPECT_EQ(drain(), Lines{"cpu raised 50 burner exited"});
}

TEST_F(WatchEvents, AnExitThatIsAllThatIsKnownOfAProcess) {
    start({rule("unseen", 49, 1)});
    const auto pages_of_2_mb = 2 * mb / static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    exit("unseen", just_now(), usage(5 * ns_per_s, pages_of_2_mb));
    EXPECT_EQ(drain(), (Lines{"cpu raised 50 unseen exited", "memory raised 2 unseen exited"}));
}

TEST_F(WatchEvents, APeakThatMayBeOfAnEarlierImageIsNone) {
    start({rule("unseen", 0, 1)});
    auto uncertain = usage(0, 1 << 20);
    uncertain.header.flags |= VIGIL_FLAG_PEAK_AT_MOST;
    exit("unseen", just_now(), uncertain);
    EXPECT_EQ(drain(), Lines{});
}

TEST_F(WatchEvents, TheEndOfAThreadIsNotThatOfItsProcess) {
    start({rule("*", 0, 1)});
    auto process = sample("many");
    process.counters.rss_bytes = 5 * mb;
    EXPECT_EQ(tick({process}), Lines{"memory raised 5 many"});
    auto thread = usage(ns_per_s);
    thread.header.flags |= VIGIL_FLAG_THREAD;
    exit("many", old_start_ns, thread);
    EXPECT_EQ(drain(), Lines{});
    EXPECT_EQ(monitor_->table().size(), 1U);
}

// The process exits during the sweep: the sweep has seen it, and its event comes afterwards.
TEST_F(WatchEvents, AStaleSampleDoesNotReviveIt) {
    start({rule("brief", 49)});
    auto stale = sample("brief", just_now());
    stale.counters.cpu_ns = 4 * ns_per_s;
    during_sweep_ = [&] { exit("brief", stale.process.start_ns, usage(5 * ns_per_s)); };
    EXPECT_EQ(tick({stale}), Lines{"cpu raised 50 brief exited"});
    EXPECT_EQ(monitor_->table().size(), 0U);
    during_sweep_ = nullptr;
    EXPECT_EQ(tick({}), Lines{});
}

TEST_F(WatchEvents, TheNextProcessOfThatPidIsNotTakenForIt) {
    start({rule("*", 0, 1)});
    auto next = sample("next", just_now());
    next.counters.rss_bytes = 5 * mb;
    during_sweep_ = [&] { exit("last", old_start_ns, usage(0)); };
    EXPECT_EQ(tick({next}), Lines{"memory raised 5 next"});
    EXPECT_EQ(monitor_->table().size(), 1U);
}

TEST_F(WatchEvents, AForkRunsWhatItsParentRuns) {
    start({rule("a_tool_with_a_long_name", 49)});
    exec("a_tool_with_a_l", parent_start_ns, "/opt/a_tool_with_a_long_name", parent_pid);
    drain();
    const uint64_t born_ns = just_now();
    fork("a_tool_with_a_l", born_ns);
    exit("a_tool_with_a_l", born_ns, usage(5 * ns_per_s));
    EXPECT_EQ(drain(), Lines{"cpu raised 50 a_tool_with_a_l exited"});
    EXPECT_EQ(executable_, "/opt/a_tool_with_a_long_name");
}

TEST_F(WatchEvents, AForkOfSomebodyElseDoesNot) {
    start({rule("a_tool_with_a_long_name", 49)});
    exec("a_tool_with_a_l", parent_start_ns + 1, "/opt/a_tool_with_a_long_name", parent_pid);
    drain();
    const uint64_t born_ns = just_now();
    fork("a_tool_with_a_l", born_ns);
    exit("a_tool_with_a_l", born_ns, usage(5 * ns_per_s));
    EXPECT_EQ(drain(), Lines{}) << "the parent was another process of that pid";
}

TEST_F(WatchEvents, AnExecBetweenTwoSamplesKeepsItsImage) {
    start({rule("tool", 0, 1)});
    tick({sample("sh")});
    exec("tool", old_start_ns, "/opt/tool.sh");
    drain();
    auto after = sample("tool");
    after.exec_id = 2;
    after.counters.rss_bytes = 5 * mb;
    EXPECT_EQ(tick({after}), Lines{"memory raised 5 tool"});
    EXPECT_EQ(executable_, "/opt/tool.sh");
}

// The sample is from before the exec, whose event comes with it.
TEST_F(WatchEvents, AnExecDuringTheSweepKeepsItsImage) {
    start({rule("tool", 0, 1)});
    tick({sample("sh")});
    during_sweep_ = [&] { exec("tool", old_start_ns, "/opt/tool.sh"); };
    tick({sample("sh")});
    during_sweep_ = nullptr;
    auto after = sample("tool");
    after.exec_id = 2;
    after.counters.rss_bytes = 5 * mb;
    EXPECT_EQ(tick({after}), Lines{"memory raised 5 tool"});
    EXPECT_EQ(executable_, "/opt/tool.sh");
}

TEST_F(WatchEvents, AnExecThatNobodyReportedForgetsTheImage) {
    start({rule("*", 0, 1)});
    exec("tool", old_start_ns, "/opt/tool");
    drain();
    auto process = sample("tool");
    tick({process});
    process.exec_id = 2;
    process.counters.rss_bytes = 5 * mb;
    EXPECT_EQ(tick({process}), Lines{"memory raised 5 tool"});
    EXPECT_EQ(executable_, "") << "it is another one, and not known";
}

// The exit of the old process and the fork of the new one were lost.
TEST_F(WatchEvents, AnExecOfAnotherProcessOfThatPidClears) {
    start({rule("big", 0, 1)});
    auto big = sample("big");
    big.counters.rss_bytes = 5 * mb;
    EXPECT_EQ(tick({big}), Lines{"memory raised 5 big"});
    exec("next", just_now(), "/opt/next");
    EXPECT_EQ(drain(), Lines{"memory cleared - big exited"});
    EXPECT_EQ(limits_->engine().raised(), 0U);
}

TEST_F(WatchEvents, AnExitOfAnotherProcessOfThatPidClears) {
    start({rule("big", 0, 1)});
    auto big = sample("big");
    big.counters.rss_bytes = 5 * mb;
    EXPECT_EQ(tick({big}), Lines{"memory raised 5 big"});
    exit("next", just_now(), usage(0));
    EXPECT_EQ(drain(), Lines{"memory cleared - big exited"});
    EXPECT_EQ(limits_->engine().raised(), 0U);
}

// The first process was known to have exited: a sweep has shown the next one.
TEST_F(WatchEvents, WhatComesLateIsNotAboutTheNextProcessOfThatPid) {
    start({rule("big", 0, 1)});
    auto big = sample("big", just_now());
    big.counters.rss_bytes = 5 * mb;
    EXPECT_EQ(tick({big}), Lines{"memory raised 5 big"});
    fork("last", old_start_ns);
    exec("last", old_start_ns, "/opt/last");
    exit("last", old_start_ns, usage(0));
    EXPECT_EQ(drain(), Lines{});
    EXPECT_EQ(tick({big}), Lines{});
    EXPECT_EQ(monitor_->table().size(), 1U);
    EXPECT_EQ(limits_->engine().raised(), 1U);
}

TEST_F(WatchEvents, AForkOfThatPidClearsToo) {
    start({rule("big", 0, 1)});
    auto big = sample("big");
    big.counters.rss_bytes = 5 * mb;
    EXPECT_EQ(tick({big}), Lines{"memory raised 5 big"});
    fork("next", just_now());
    EXPECT_EQ(drain(), Lines{"memory cleared - big exited"});
}

// Its exit event is pending, and decides.
TEST_F(WatchEvents, WhoIsMissingHasOneMoreTickToTellWhy) {
    start({rule("big", 0, 1)});
    auto big = sample("big");
    big.counters.rss_bytes = 5 * mb;
    EXPECT_EQ(tick({big}), Lines{"memory raised 5 big"});
    EXPECT_EQ(tick({}), Lines{});
    EXPECT_EQ(monitor_->table().size(), 1U);
    EXPECT_EQ(tick({}), Lines{"memory cleared - big exited"});
    EXPECT_EQ(monitor_->table().size(), 0U);
}

// A reader that is far behind: nothing is reported twice.
TEST_F(WatchEvents, TheExitOfOneThatWasMissedTellsNothingMore) {
    start({rule("burner", 49)});
    EXPECT_EQ(tick({sample("burner")}), Lines{});
    EXPECT_EQ(tick({}), Lines{});
    EXPECT_EQ(tick({}), Lines{});
    EXPECT_EQ(monitor_->table().size(), 0U);
    exit("burner", old_start_ns, usage(100 * ns_per_s));
    EXPECT_EQ(drain(), Lines{});
    const uint64_t born_ns = just_now();
    exit("burner", born_ns, usage(100 * ns_per_s));
    EXPECT_EQ(drain().size(), 1U) << "that is another one";
}

TEST_F(WatchEvents, AForkAfterTheSweepIsNotMissing) {
    start({});
    const uint64_t born_ns = just_now();
    during_sweep_ = [&] { fork("young", born_ns); };
    tick({});
    during_sweep_ = nullptr;
    EXPECT_EQ(monitor_->table().size(), 1U);
    tick({sample("young", born_ns)});
    EXPECT_EQ(monitor_->table().size(), 1U);
}

// The map that counts network bytes is full: 0 may be exact or unknown.
TEST_F(WatchEvents, NetworkBytesThatFoundNoRoomAreNotZero) {
    auto limit = rule("net", 0);
    limit.limits[model::index(model::Metric::network)] = 1;
    start({limit});
    auto process = sample("net");
    process.counters.sent_bytes = process.counters.received_bytes = 0;
    tick({process});
    process.counters.sent_bytes = 1000 * mb;
    EXPECT_EQ(tick({process}).size(), 1U);
    kernel_->control().processes_full_ns = boot_now_ns();
    process.counters.sent_bytes = 0;
    EXPECT_EQ(tick({process}), Lines{}) << "neither broken nor cleared";
    process.process.pid = pid + 1;
    process.process.start_ns = just_now();
    process.counters.sent_bytes = 1000 * mb;
    EXPECT_EQ(tick({process}).size(), 1U) << "this one was counted";
}

TEST_F(WatchEvents, LossesArePassedOn) {
    start({});
    kernel_->drop(VIGIL_FORK);
    kernel_->drop(VIGIL_FORK);
    fork("x", just_now());
    EXPECT_EQ(drain(), Lines{"lost 2 fork"});
    kernel_->drop(VIGIL_EXIT);
    EXPECT_EQ(tick({}), Lines{"lost 1 exit"});
}

TEST_F(WatchEvents, SpaceInTheRingIsGivenBack) {
    start({});
    for (int i = 0; i < 2'000; i++) {
        fork("x", just_now());
        if (i % 100 == 0) {
            EXPECT_EQ(drain(), Lines{});
        }
    }
    EXPECT_EQ(drain(), Lines{});
}

// A busy ring is drained after the sweep: its events are newer than the samples.
TEST_F(WatchEvents, SamplesKeepTheTimeOfTheirSweep) {
    start({rule("*", 49, 1)});
    auto big = sample("big");
    big.counters.rss_bytes = 5 * mb;
    auto bytes = test::bytes_of(usage(7200 * ns_per_s));
    vigil_header header;
    std::memcpy(&header, bytes.data(), sizeof header);
    set(header, "late", just_now());
    header.pid = pid + 1;
    header.time_ns = boot_now_ns() + 3600 * ns_per_s;
    std::memcpy(bytes.data(), &header, sizeof header);
    EXPECT_TRUE(kernel_->send(bytes));
    EXPECT_EQ(drain().size(), 1U);
    EXPECT_EQ(last_.boot_ns, header.time_ns);
    last_.boot_ns = 0;
    EXPECT_EQ(tick({big}), Lines{"memory raised 5 big"});
    EXPECT_LT(last_.boot_ns, header.time_ns);
}

}  // namespace
}  // namespace vigil::monitor
