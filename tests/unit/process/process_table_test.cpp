// SPDX-License-Identifier: Apache-2.0
#include "process/process_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "process/observed.h"

namespace vigil::process {
namespace {

using Calls = std::vector<std::string>;

model::Process process(uint32_t number, uint64_t start_ns) {
    return test::made_up_process(number, "x", start_ns);
}
ProcessKey key(uint32_t number, uint64_t start_ns) { return key_of(process(number, start_ns)); }

class ProcessTableTest : public ::testing::Test {
 protected:
    ProcessTableTest() { table_.set_observers({&log_}); }

    ProcessTable table_{true};
    test::CallLog log_{{}};
};

TEST_F(ProcessTableTest, APidIsFoundAndAProcessOnlyByItsStartToo) {
    EXPECT_EQ(table_.find(key(10, 1)), nullptr);
    const ProcessEntry& entry = table_.find_or_add(process(10, 25'000'001));
    EXPECT_EQ(&table_.find_or_add(process(10, 25'000'001)), &entry);
    EXPECT_EQ(table_.find(entry.process.pid), &entry);
    EXPECT_EQ(table_.find(key(10, 25'000'001)), &entry);
    EXPECT_EQ(table_.find(key(10, 20'000'000)), &entry) << "as /proc has its start";
    EXPECT_EQ(table_.find(key(10, 25'000'002)), nullptr);
    EXPECT_EQ(table_.find(key(11, 25'000'001)), nullptr);
    EXPECT_EQ(table_.size(), 1U);
}

TEST_F(ProcessTableTest, ANewProcessTakesThePidAndTheOldOneAwaitsItsExit) {
    ProcessEntry& old = table_.find_or_add(process(10, 1));
    old.measured_ns = 5;
    ProcessEntry& fresh = table_.find_or_add(process(10, 2));
    EXPECT_EQ(table_.size(), 1U);
    EXPECT_EQ(table_.find(old.process.pid), &fresh);
    EXPECT_EQ(fresh.measured_ns, 0U);
    EXPECT_NE(fresh.slot, old.slot);
    EXPECT_EQ(table_.find(key(10, 1)), &old) << "the same entry, with all that is known";
    EXPECT_EQ(old.state, EntryState::exit_pending);
    EXPECT_EQ(log_.taken(), Calls{"missing 10 x"});
    table_.erase_exited(old);
    EXPECT_EQ(log_.taken(), Calls{"erase 10 x"});
    EXPECT_EQ(table_.find(key(10, 1)), nullptr);
    EXPECT_EQ(table_.find(fresh.process.pid), &fresh);
}

TEST_F(ProcessTableTest, WhatComesLateIsKeptApartFromTheYoungerProcess) {
    const ProcessEntry& young = table_.find_or_add(process(10, 5));
    ProcessEntry& late = table_.find_or_add(process(10, 2));
    EXPECT_EQ(late.state, EntryState::exit_pending);
    EXPECT_EQ(table_.find(young.process.pid), &young);
    EXPECT_EQ(table_.find(key(10, 2)), &late);
    EXPECT_EQ(table_.size(), 1U);
    EXPECT_EQ(log_.taken(), Calls{}) << "nothing ended";
}

TEST_F(ProcessTableTest, SlotsAreDenseAndUsedAgain) {
    std::set<uint32_t> slots;
    for (uint32_t number = 1; number <= 100; number++) {
        slots.insert(table_.find_or_add(process(number, 1)).slot);
    }
    EXPECT_EQ(slots.size(), 100U);
    EXPECT_EQ(table_.slot_count(), 100U);
    for (uint32_t number = 1; number <= 100; number += 2) {
        table_.erase_exited(*table_.find(key(number, 1)));
    }
    EXPECT_EQ(table_.size(), 50U);
    for (uint32_t number = 201; number <= 250; number++) {
        table_.find_or_add(process(number, 1));
    }
    EXPECT_EQ(table_.slot_count(), 100U);
    slots.clear();
    for (const auto& [pid, entry] : table_) {
        slots.insert(entry.slot);
    }
    EXPECT_EQ(slots.size(), 100U) << "no two have the same";
}

TEST_F(ProcessTableTest, WhatNoSweepShowsIsGivenUpAfterOneMoreTick) {
    table_.find_or_add(process(1, 1));
    ProcessEntry& seen = table_.find_or_add(process(2, 1));
    log_.taken();
    for (const size_t remaining : {2, 1, 1}) {
        table_.begin_tick();
        table_.mark_seen(seen);
        table_.reap_missing();
        EXPECT_EQ(table_.size(), remaining);
    }
    EXPECT_EQ(log_.taken(), Calls{"missing 1 x"});
    EXPECT_NE(table_.find(key(1, 1)), nullptr) << "its exit may still come";
    EXPECT_TRUE(table_.revive(*table_.find(key(1, 1))));
    EXPECT_EQ(table_.size(), 2U);
}

TEST(ProcessTableWithoutEvents, WhatASweepDoesNotShowHasEnded) {
    ProcessTable table(false);
    test::CallLog log{{}};
    table.set_observers({&log});
    table.find_or_add(process(1, 1));
    table.begin_tick();
    table.reap_missing();
    EXPECT_EQ(log.taken(), (Calls{"missing 1 x", "erase 1 x"}));
    EXPECT_EQ(table.size(), 0U);
}

TEST_F(ProcessTableTest, AProcessThatRunsIsNotGivenUp) {
    model::Process self;
    self.pid = static_cast<uint32_t>(::getpid());
    self.start_ns = host::read_stat(self.pid)->start_ns;
    table_.find_or_add(self);
    for (int i = 0; i < 3; i++) {
        table_.begin_tick();
        table_.reap_missing();
    }
    EXPECT_EQ(table_.size(), 1U);
}

TEST_F(ProcessTableTest, ThoseThatAwaitTheirExitAreBounded) {
    constexpr size_t more = RecentExits::max_pending + 100;
    for (uint32_t number = 1; number <= more; number++) {
        table_.find_or_add(process(number, 1));
        table_.find_or_add(process(number, 2));
        log_.calls.clear();
    }
    EXPECT_EQ(table_.recent_exits().pending(), RecentExits::max_pending);
    EXPECT_EQ(table_.find(key(100, 1)), nullptr) << "the oldest went first";
    EXPECT_NE(table_.find(key(101, 1)), nullptr);
    EXPECT_LE(table_.slot_count(), more + RecentExits::max_pending + 1);
}

TEST(RecentExits, TheLastNodesAreFound) {
    AncestryStore store(1 << 20);
    RecentExits exits;
    for (uint32_t number = 1; number <= RecentExits::max_nodes + 1; number++) {
        exits.add(key(number, number), store.add(process(number, number), nullptr, nullptr));
    }
    EXPECT_EQ(exits.find_node(key(1, 1)), nullptr);
    EXPECT_FALSE(exits.contains(key(1, 1)));
    ASSERT_NE(exits.find_node(key(2, 2)), nullptr);
    EXPECT_EQ(exits.find_node(key(2, 2))->pid, key(2, 2).pid);
    EXPECT_FALSE(exits.contains(key(2, 3)));
}

TEST(RecentExits, NearASweepForTwoSweeps) {
    RecentExits exits;
    exits.add(key(1, 5), nullptr);
    EXPECT_TRUE(exits.ended_near_sweep(key(1, 5)));
    EXPECT_FALSE(exits.ended_near_sweep(key(1, 6)));
    exits.begin_sweep();
    EXPECT_TRUE(exits.ended_near_sweep(key(1, 5)));
    exits.begin_sweep();
    EXPECT_FALSE(exits.ended_near_sweep(key(1, 5)));
    exits.add(key(1, 5), nullptr);
    exits.begin_drain();
    EXPECT_FALSE(exits.ended_near_sweep(key(1, 5))) << "long before the next sweep";
}

}  // namespace
}  // namespace vigil::process
