// SPDX-License-Identifier: Apache-2.0
#include "pipeline/end_condition.h"

#include <gtest/gtest.h>

#include "host/process_lookup.h"
#include "support/processes.h"

namespace vigil::pipeline {
namespace {

TEST(EndCondition, WithoutAnythingToWatchItIsNeverReached) {
    EndCondition end;
    end.watch_process(Fd(), "a process without descriptor");
    EXPECT_TRUE(end.wake_fds().empty());
    EXPECT_FALSE(end.reached());
    EXPECT_EQ(end.reason(), "");
}

TEST(EndCondition, TheFirstProcessThatEndsIsTheReason) {
    test::Process first;
    test::Process second;
    EndCondition end;
    for (const test::Process* process : {&first, &second}) {
        auto found = host::find_process(process->pid());
        ASSERT_TRUE(found);
        end.watch_process(std::move(found->pidfd), process == &first ? "one" : "two");
    }
    EXPECT_EQ(end.wake_fds().size(), 2U);
    EXPECT_FALSE(end.reached());
    second.kill();
    EXPECT_TRUE(test::becomes_true([&] { return end.reached(); }));
    EXPECT_EQ(end.reason(), "two has ended");
    first.kill();
    end.add_ended("another reason");
    EXPECT_TRUE(end.reached());
    EXPECT_EQ(end.reason(), "two has ended");
}

// A check costs system calls.
TEST(EndCondition, ChecksOnceAndThenWhenWoken) {
    int calls = 0;
    std::string reason;
    EndCondition end;
    end.watch(7, [&] {
        calls++;
        return reason;
    });
    EXPECT_EQ(end.wake_fds(), std::vector<int>{7});
    EXPECT_FALSE(end.reached());
    EXPECT_FALSE(end.reached());
    EXPECT_EQ(calls, 1);
    end.on_wake(8);
    reason = "it was removed";
    EXPECT_FALSE(end.reached());
    EXPECT_EQ(calls, 1);
    end.on_wake(7);
    EXPECT_TRUE(end.reached());
    EXPECT_TRUE(end.reached());
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(end.reason(), "it was removed");
}

}  // namespace
}  // namespace vigil::pipeline
