// SPDX-License-Identifier: Apache-2.0
#include "pipeline/fork_name_resolver.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/events.h"

namespace vigil::pipeline {
namespace {

using model::Event;
using model::Kind;

constexpr uint64_t ms = 1'000'000;
constexpr uint64_t start = 10'000 * ms;

class ForkNameResolverTest : public ::testing::Test {
 protected:
    ForkNameResolverTest() {
        fork_names_.set_handler([this](const Event& event) {
            named_.push_back(std::to_string(event.process.pid) + ' ' +
                             std::string(event.process.comm.view()));
            last_ = event;
        });
    }

    static Event at(Event event, uint32_t pid, std::string_view comm, uint64_t time_ms) {
        event.boot_ns = start + time_ms * ms;
        event.process.pid = event.process.tid = pid;
        event.process.comm = test::comm(comm);
        return event;
    }
    bool fork(uint32_t pid, uint64_t time_ms, std::string_view comm = "sh") {
        return fork_names_.handle(at(test::fork_event(), pid, comm, time_ms));
    }
    bool exec(uint32_t pid, std::string_view comm, uint64_t time_ms) {
        return fork_names_.handle(at(test::exec_event(), pid, comm, time_ms));
    }
    bool exit(uint32_t pid, uint64_t time_ms, std::string_view comm = "sh") {
        return fork_names_.handle(at(test::exit_event(), pid, comm, time_ms));
    }
    std::vector<std::string> pop_named() { return std::exchange(named_, {}); }

    using Lines = std::vector<std::string>;
    ForkNameResolver fork_names_;
    std::vector<std::string> named_;
    Event last_;
};

TEST_F(ForkNameResolverTest, AForkIsDelayedAndGetsTheNameOfItsExec) {
    EXPECT_TRUE(fork(1, 0));
    EXPECT_EQ(pop_named(), Lines{});
    EXPECT_EQ(fork_names_.pending(), 1U);
    EXPECT_EQ(fork_names_.oldest_boot_ns(), start);
    EXPECT_FALSE(exec(1, "ls", 1)) << "the exec itself is the caller's";
    EXPECT_EQ(pop_named(), Lines{"1 ls"});
    EXPECT_EQ(fork_names_.pending(), 0U);
    EXPECT_EQ(fork_names_.oldest_boot_ns(), UINT64_MAX);
    EXPECT_EQ(last_.kind, Kind::fork);
    EXPECT_EQ(last_.boot_ns, start) << "all else stays the fork's";
    EXPECT_EQ(last_.process.ppid, 5678U);
    EXPECT_EQ(std::get<model::Fork>(last_.body).parent_start_ns, 1'250'000'000U);
}

TEST_F(ForkNameResolverTest, AnExitGivesTheInheritedName) {
    fork(1, 0, "sh");
    EXPECT_FALSE(exit(1, 5, "renamed"));
    EXPECT_EQ(pop_named(), Lines{"1 sh"});
}

TEST_F(ForkNameResolverTest, AThreadsExitDoesNotResolve) {
    fork(1, 0);
    Event thread = at(test::exit_event(), 1, "worker", 5);
    std::get<model::Exit>(thread.body).thread = true;
    EXPECT_FALSE(fork_names_.handle(thread));
    EXPECT_EQ(fork_names_.pending(), 1U);
    exec(1, "ls", 6);
    EXPECT_EQ(pop_named(), Lines{"1 ls"});
}

TEST_F(ForkNameResolverTest, TimesOutAfter200MsOfEventTime) {
    fork(1, 0);
    fork_names_.advance(start + 200 * ms - 1);
    EXPECT_EQ(pop_named(), Lines{});
    fork_names_.advance(start + 200 * ms);
    EXPECT_EQ(pop_named(), Lines{"1 sh"});
    EXPECT_FALSE(exec(1, "ls", 201));
    EXPECT_EQ(pop_named(), Lines{}) << "each fork comes once";
}

TEST_F(ForkNameResolverTest, AnyEventAdvancesTheTime) {
    fork(1, 0);
    EXPECT_FALSE(exec(2, "other", 199));
    EXPECT_EQ(pop_named(), Lines{});
    EXPECT_FALSE(fork_names_.handle(at(test::signal_event(), 9, "x", 200)));
    EXPECT_EQ(pop_named(), Lines{"1 sh"});
    fork(3, 300);
    Event loss = test::loss_event();
    loss.boot_ns = start + 500 * ms;
    EXPECT_FALSE(fork_names_.handle(loss));
    EXPECT_EQ(pop_named(), Lines{"3 sh"});
}

TEST_F(ForkNameResolverTest, AnExecAtTheLastMomentStillCounts) {
    fork(1, 0);
    exec(1, "slow", 199);
    EXPECT_EQ(pop_named(), Lines{"1 slow"});
    fork(2, 300);
    exec(2, "too_slow", 500);
    EXPECT_EQ(pop_named(), Lines{"2 sh"});
}

TEST_F(ForkNameResolverTest, OnlyTheFirstExecResolves) {
    fork(1, 0);
    exec(1, "env", 1);
    exec(1, "ls", 2);
    EXPECT_EQ(pop_named(), Lines{"1 env"});
}

TEST_F(ForkNameResolverTest, EachIsEmittedWhenItsNameIsKnown) {
    fork(1, 0);
    fork(2, 10);
    fork(3, 20);
    exec(2, "b", 30);
    exit(3, 40);
    EXPECT_EQ(pop_named(), (Lines{"2 b", "3 sh"}));
    EXPECT_EQ(fork_names_.oldest_boot_ns(), start);
    fork_names_.advance(start + 205 * ms);
    EXPECT_EQ(pop_named(), Lines{"1 sh"});
    EXPECT_EQ(fork_names_.oldest_boot_ns(), UINT64_MAX);
}

TEST_F(ForkNameResolverTest, AReusedPidIsAnotherProcess) {
    fork(1, 0, "old");
    EXPECT_TRUE(fork(1, 50, "new"));  // the exit between them was lost
    EXPECT_EQ(pop_named(), Lines{"1 old"});
    EXPECT_EQ(fork_names_.pending(), 1U);
    EXPECT_EQ(fork_names_.oldest_boot_ns(), start + 50 * ms);
    fork_names_.advance(start + 200 * ms);
    EXPECT_EQ(pop_named(), Lines{}) << "the patience of the first is not the second's";
    exec(1, "ls", 240);
    EXPECT_EQ(pop_named(), Lines{"1 ls"});
}

TEST_F(ForkNameResolverTest, IgnoresThreadsAndOtherEvents) {
    Event thread = at(test::fork_event(), 1, "t", 0);
    std::get<model::Fork>(thread.body).thread = true;
    EXPECT_FALSE(fork_names_.handle(thread));
    EXPECT_FALSE(fork_names_.handle(at(test::oom_event(), 1, "x", 0)));
    EXPECT_FALSE(fork_names_.handle(at(test::kill_failed_event(), 1, "x", 0)));
    EXPECT_FALSE(exec(1, "x", 0));
    EXPECT_FALSE(exit(1, 0));
    EXPECT_EQ(fork_names_.pending(), 0U);
    EXPECT_EQ(pop_named(), Lines{});
}

TEST_F(ForkNameResolverTest, EmitsTheOldestBeyondCapacity) {
    const auto capacity = static_cast<uint32_t>(ForkNameResolver::capacity);
    for (uint32_t pid = 1; pid <= capacity; pid++) {
        fork(pid, 0);
    }
    exec(1, "first", 1);
    EXPECT_EQ(pop_named(), Lines{"1 first"});
    fork(capacity + 1, 2);
    EXPECT_EQ(pop_named(), Lines{}) << "there was room again";
    fork(capacity + 2, 3);
    EXPECT_EQ(pop_named(), Lines{"2 sh"});
    EXPECT_EQ(fork_names_.pending(), ForkNameResolver::capacity);
    exec(capacity + 2, "last", 4);
    EXPECT_EQ(pop_named(), Lines{std::to_string(capacity + 2) + " last"});
    fork_names_.flush();
    EXPECT_EQ(pop_named().size(), ForkNameResolver::capacity - 1);
    EXPECT_EQ(fork_names_.pending(), 0U);
}

TEST_F(ForkNameResolverTest, FlushKeepsTheOrder) {
    fork(3, 0);
    fork(1, 1);
    fork(2, 2);
    fork_names_.flush();
    EXPECT_EQ(pop_named(), (Lines{"3 sh", "1 sh", "2 sh"}));
    fork_names_.flush();
    EXPECT_EQ(pop_named(), Lines{});
}

TEST_F(ForkNameResolverTest, TimesOutOfOrderDelayAtMost) {
    fork(1, 50);
    fork(2, 10);  // from another CPU, older
    fork(3, 60);
    fork_names_.advance(start + 210 * ms);
    EXPECT_EQ(pop_named(), Lines{}) << "behind one that is younger: a little later";
    fork_names_.advance(start + 250 * ms);
    EXPECT_EQ(pop_named(), (Lines{"1 sh", "2 sh"}));
    fork_names_.advance(start + 100 * ms);  // the time steps back
    EXPECT_EQ(fork_names_.pending(), 1U);
    exec(3, "c", 70);  // an older time than that of the last event
    EXPECT_EQ(pop_named(), Lines{"3 c"});
}

TEST_F(ForkNameResolverTest, AnExecBeforeItsForkInTimeButNotInOrder) {
    fork(1, 10);
    exec(1, "ls", 9);
    EXPECT_EQ(pop_named(), Lines{"1 ls"});
}

TEST_F(ForkNameResolverTest, ManyForksLeakNothing) {
    for (uint32_t i = 0; i < 200'000; i++) {
        fork(i % 5000 + 1, i / 1000);
        exec(i % 5000 + 1, "x", i / 1000);
        named_.clear();
    }
    EXPECT_EQ(fork_names_.pending(), 0U);
    EXPECT_EQ(fork_names_.oldest_boot_ns(), UINT64_MAX);
}

}  // namespace
}  // namespace vigil::pipeline
