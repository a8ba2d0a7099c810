// SPDX-License-Identifier: Apache-2.0
#include "process/table_updater.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "process/observed.h"

namespace vigil::process {
namespace {

using Calls = std::vector<std::string>;
using model::Kind;

constexpr uint64_t interval_ns = 1'000'000'000;
constexpr uint64_t start_ns = 1'234'567;

class Updater : public ::testing::Test {
 protected:
    Updater() { updater_.set_observers({&log_}); }

    static model::Process process(uint32_t number, std::string_view name, uint32_t parent = 0) {
        return test::made_up_process(number, name, number * start_ns, parent);
    }
    template <class Body>
    void apply(Kind kind, const model::Process& process, Body body) {
        now_ns_ += 1'000;
        updater_.apply(test::made_up_event(kind, process, std::move(body), now_ns_));
    }
    void fork(uint32_t number, uint32_t parent, std::string_view name) {
        apply(Kind::fork, process(number, name, parent),
              model::Fork{.thread = false, .parent_start_ns = parent * start_ns});
    }
    void exec(uint32_t number, std::string_view name, std::string_view file) {
        model::Exec exec;
        exec.file = file;
        apply(Kind::exec, process(number, name), exec);
    }
    // With what the process has used under the programs before.
    void exec_after(uint32_t number, std::string_view name, const model::Counters& counters) {
        model::Exec exec;
        exec.file = name;
        exec.counters = counters;
        apply(Kind::exec, process(number, name), exec);
    }
    static model::Counters cpu(uint64_t ns) {
        model::Counters counters;
        counters.cpu_ns = ns;
        return counters;
    }
    static model::Sample busy(uint32_t number, std::string_view name, uint64_t cpu_ns) {
        model::Sample made = sample(number, name);
        made.counters = cpu(cpu_ns);
        return made;
    }
    std::optional<double> cpu_usage(uint32_t number) const {
        return find(number)->usage[model::index(model::Metric::cpu)];
    }
    void signal(uint32_t number, model::SignalResult result = model::SignalResult::delivered) {
        model::Signal signal;
        signal.number = SIGTERM;
        signal.result = result;
        apply(Kind::signal, process(number, "x"), signal);
    }
    void exit(uint32_t number, std::string_view name) {
        apply(Kind::exit, process(number, name), model::Exit{});
    }
    static model::Sample sample(uint32_t number, std::string_view name) {
        model::Sample sample;
        sample.process = process(number, name);
        sample.exec_id = 1;
        return sample;
    }
    void tick(std::vector<model::Sample> samples) {
        updater_.begin_tick();
        updater_.finish_tick(samples, now_ns_ += interval_ns, 0);
    }
    const ProcessEntry* find(uint32_t number) const {
        return updater_.table().find(test::made_up_pid + number);
    }

    test::CallLog log_{{.samples = true, .ancestry = true}};
    TableUpdater updater_{true, interval_ns};
    uint64_t now_ns_ = 3600 * interval_ns;
};

TEST_F(Updater, TheCallsOfALife) {
    fork(1, 0, "sh");
    exec(1, "tool", "/bin/tool");
    signal(1);
    apply(Kind::oom, process(1, "tool"), model::Oom{});
    tick({sample(1, "tool")});
    exit(1, "tool");
    updater_.end();
    EXPECT_EQ(log_.calls, (Calls{"fork 1 sh", "exec 1 tool", "signal 1 tool", "oom 1 tool",
                                 "sample 1 tool", "tick 1", "exit 1 tool", "erase 1 tool", "end"}));
    EXPECT_EQ(updater_.table().size(), 0U);
}

TEST_F(Updater, ObserversAreCalledInTheirOrder) {
    test::CallLog second({});
    updater_.set_observers({&log_, &second});
    EXPECT_TRUE(updater_.needs().samples) << "the union";
    fork(1, 0, "sh");
    tick({sample(1, "sh")});
    EXPECT_EQ(log_.calls, (Calls{"fork 1 sh", "sample 1 sh", "tick 1"}));
    EXPECT_EQ(second.calls, (Calls{"fork 1 sh", "tick 1"})) << "it needs no samples";
}

TEST_F(Updater, WhereNobodyNeedsSamplesNothingIsMeasured) {
    test::CallLog log({});
    updater_.set_observers({&log});
    tick({sample(1, "sh")});
    ASSERT_NE(find(1), nullptr) << "that it lives is known";
    EXPECT_EQ(find(1)->measured_ns, 0U);
    EXPECT_FALSE(find(1)->details_read) << "/proc is not read for it";
    EXPECT_EQ(find(1)->node, nullptr);
}

TEST_F(Updater, ASignalMayComeBeforeTheFork) {
    fork(1, 0, "parent");
    exec(1, "parent", "/bin/parent");
    signal(2);
    const ProcessEntry* early = find(2);
    ASSERT_NE(early, nullptr);
    const uint32_t slot = early->slot;
    fork(2, 1, "parent");
    EXPECT_EQ(find(2), early);
    EXPECT_EQ(early->slot, slot) << "what observers keep stays";
    EXPECT_EQ(early->process.comm.view(), "parent");
    EXPECT_EQ(early->process.ppid, test::made_up_pid + 1);
    EXPECT_EQ(early->image->file, "/bin/parent");
    EXPECT_EQ(early->node->parent, find(1)->node);
}

TEST_F(Updater, ASweepMayComeBeforeTheFork) {
    fork(1, 0, "parent");
    tick({sample(1, "parent"), sample(2, "parent")});
    fork(2, 1, "parent");
    EXPECT_EQ(find(2)->node->parent->pid, test::made_up_pid + 1);
    EXPECT_NE(find(2)->measured_ns, 0U) << "its samples stay";
}

TEST_F(Updater, ASignalToTheDeadMakesNoEntry) {
    fork(1, 0, "x");
    exit(1, "x");
    log_.calls.clear();
    signal(1);
    signal(2, model::SignalResult::ignored);
    EXPECT_EQ(log_.calls, (Calls{"signal -", "signal -"}));
    EXPECT_EQ(updater_.table().size(), 0U);
}

TEST_F(Updater, ALateExitHasAllThatWasKnown) {
    fork(1, 0, "x");
    exec(1, "x", "/bin/x");
    model::Process next = process(1, "next");
    next.start_ns += start_ns;
    apply(Kind::fork, next, model::Fork{});
    EXPECT_EQ(find(1)->process.start_ns, next.start_ns);
    log_.calls.clear();
    exit(1, "x");
    EXPECT_EQ(log_.calls, (Calls{"late exit 1 x", "erase 1 x"}));
    ASSERT_NE(find(1), nullptr);
    EXPECT_EQ(find(1)->process.start_ns, next.start_ns);
    EXPECT_EQ(updater_.table().find_node(key_of(process(1, "x")))->image->file, "/bin/x");
}

TEST_F(Updater, AWholeLifeThatComesLateIsFollowedBesideTheYoungerProcess) {
    model::Sample young = sample(1, "young");
    young.process.start_ns += start_ns;
    tick({young});
    log_.calls.clear();
    fork(1, 0, "x");
    exec(1, "late", "/bin/late");
    exit(1, "late");
    EXPECT_EQ(log_.calls, (Calls{"fork 1 x", "exec 1 late", "late exit 1 late", "erase 1 late"}));
    EXPECT_EQ(find(1)->process.start_ns, young.process.start_ns);
}

TEST_F(Updater, AStaleSampleDoesNotReviveAnExitedProcess) {
    fork(1, 0, "x");
    updater_.begin_tick();
    exit(1, "x");
    std::vector<model::Sample> stale{sample(1, "x")};
    updater_.finish_tick(stale, now_ns_, 0);
    EXPECT_EQ(updater_.table().size(), 0U);
    tick({sample(1, "x")});
    EXPECT_EQ(updater_.table().size(), 0U) << "/proc shows it a little longer";
}

TEST_F(Updater, AProcessThatASweepShowsAgainLives) {
    fork(1, 0, "x");
    const uint32_t slot = find(1)->slot;
    tick({});
    tick({});
    EXPECT_EQ(find(1), nullptr);
    tick({sample(1, "x")});
    ASSERT_NE(find(1), nullptr);
    EXPECT_EQ(find(1)->slot, slot);
}

TEST_F(Updater, AnExecBeginsRatesAnew) {
    fork(1, 0, "sh");
    tick({busy(1, "sh", 0)});
    tick({busy(1, "sh", 0)});
    tick({busy(1, "sh", interval_ns / 10)});
    EXPECT_DOUBLE_EQ(cpu_usage(1).value_or(-1), 10);
    exec_after(1, "sleep", cpu(interval_ns));
    EXPECT_FALSE(cpu_usage(1));
    tick({busy(1, "sleep", interval_ns + interval_ns / 50)});
    EXPECT_DOUBLE_EQ(cpu_usage(1).value_or(-1), 2) << "not the shell's 90 %";
    EXPECT_EQ(find(1)->counters.cpu_ns, interval_ns + interval_ns / 50) << "totals are the whole's";
}

TEST_F(Updater, ANewProgramIsHeldAgainstTheWholeInterval) {
    fork(1, 0, "sh");
    exec_after(1, "tool", cpu(0));
    now_ns_ -= interval_ns * 9 / 10;
    tick({busy(1, "tool", interval_ns / 10)});
    EXPECT_DOUBLE_EQ(cpu_usage(1).value_or(-1), 10);
}

TEST_F(Updater, ASampleFromBeforeAnExecSaysNothingOfTheNewProgram) {
    fork(1, 0, "sh");
    updater_.begin_tick();
    const uint64_t sampled_ns = now_ns_;
    exec_after(1, "sleep", cpu(interval_ns));
    std::vector<model::Sample> samples{busy(1, "sh", interval_ns / 2)};
    updater_.finish_tick(samples, sampled_ns, 0);
    EXPECT_FALSE(cpu_usage(1));
    EXPECT_EQ(find(1)->counters.cpu_ns, interval_ns);
}

struct LastExit final : ProcessObserver {
    Needs needs() const override { return {.samples = true}; }
    void on_exit(const ProcessExit& exit) override {
        usage = exit.usage;
        peak_bytes = exit.exit.peak_rss_bytes;
    }
    model::Usage usage;
    std::optional<uint64_t> peak_bytes;
};

TEST_F(Updater, TheLastUsageOfAShortProgramIsItsOwn) {
    LastExit last;
    updater_.set_observers({&last});
    fork(1, 0, "sh");
    exec_after(1, "sleep", cpu(3 * interval_ns));
    model::Exit exit;
    exit.lifetime_ns = 100 * interval_ns;
    exit.cpu_ns = 3 * interval_ns + interval_ns / 20;
    apply(Kind::exit, process(1, "sleep"), exit);
    EXPECT_DOUBLE_EQ(*last.usage[model::index(model::Metric::cpu)], 5);
}

TEST_F(Updater, HugePagesThatOnlySamplesHaveSeenAreInThePeak) {
    LastExit last;
    updater_.set_observers({&last});
    fork(1, 0, "sh");
    exec_after(1, "db", cpu(0));
    model::Sample large = busy(1, "db", 0);
    large.counters.rss_bytes = 500;
    large.counters.huge_bytes = 400;
    tick({large});
    large.counters.rss_bytes = 100;
    large.counters.huge_bytes = 0;
    tick({large});
    model::Exit exit;
    exit.peak_rss_bytes = 120;
    apply(Kind::exit, process(1, "db"), exit);
    EXPECT_EQ(last.peak_bytes, 500U);
}

TEST_F(Updater, AncestorsAreThoseOfTheFork) {
    fork(1, 0, "init");
    fork(2, 1, "login");
    exec(2, "login", "/bin/login");
    fork(3, 2, "login");
    exec(2, "bash", "/bin/bash");
    exit(2, "bash");
    const NodePtr node = find(3)->node;
    EXPECT_EQ(node->parent->image->file, "/bin/login");
    EXPECT_EQ(node->parent->parent->pid, test::made_up_pid + 1);
}

TEST_F(Updater, AnExecIsStoredOnce) {
    for (const uint32_t number : {1, 2}) {
        fork(number, 0, "sh");
        exec(number, "tool", "/bin/tool");
    }
    EXPECT_EQ(find(1)->image, find(2)->image);
    EXPECT_EQ(find(1)->image, find(1)->node->image);
}

TEST_F(Updater, ThreadsAreNotProcesses) {
    apply(Kind::fork, process(1, "x"), model::Fork{.thread = true, .parent_start_ns = 0});
    model::Exit exit;
    exit.thread = true;
    apply(Kind::exit, process(1, "x"), exit);
    EXPECT_EQ(log_.calls, Calls{});
}

TEST_F(Updater, ALossOfExitsIsRemembered) {
    model::Loss loss;
    loss.kind = Kind::exec;
    apply(Kind::loss, {}, loss);
    EXPECT_EQ(updater_.exits_lost_ns(), 0U);
    loss.kind.reset();
    apply(Kind::loss, {}, loss);
    EXPECT_EQ(updater_.exits_lost_ns(), now_ns_);
    EXPECT_EQ(log_.calls, (Calls{"loss", "loss"}));
}

TEST_F(Updater, LoadsTheLivingFromProc) {
    updater_.load_from_proc();
    EXPECT_GT(updater_.table().size(), 1U);
    const ProcessEntry* self = updater_.table().find(static_cast<uint32_t>(::getpid()));
    ASSERT_NE(self, nullptr);
    EXPECT_EQ(self->image->file, host::read_executable(self->process.pid));
    EXPECT_EQ(self->node->parent->pid, static_cast<uint32_t>(::getppid()));
    EXPECT_TRUE(self->details_read) << "the first sweep need not";
    const model::ExecImagePtr image = self->image;
    model::Sample sample;
    sample.process = self->process;
    sample.exec_id = 7;
    tick({sample});
    EXPECT_EQ(self->image, image);
    EXPECT_TRUE(self->details_read);
}

}  // namespace
}  // namespace vigil::process
