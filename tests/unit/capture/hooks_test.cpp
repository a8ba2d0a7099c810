// SPDX-License-Identifier: Apache-2.0
#include "capture/hooks.h"

#include <gtest/gtest.h>

#include <map>

namespace vigil::capture {
namespace {

using Names = std::vector<std::string>;
using Skipped = std::map<std::string, uint64_t>;

uint64_t missed(uint32_t lanes, const Skipped& skipped) {
    return missed_at_most(lanes, [&](const std::string& name) {
        const auto it = skipped.find(name);
        return it != skipped.end() ? it->second : 0;
    });
}

TEST(Hooks, OneProgramALane) {
    EXPECT_EQ(program_names(VIGIL_FORK, 1), Names{"on_fork"});
    EXPECT_EQ(program_names(VIGIL_EXIT, 4),
              (Names{"on_exit", "on_exit_lane1", "on_exit_lane2", "on_exit_lane3"}));
    EXPECT_EQ(program_names(VIGIL_SIGNAL, 4), Names{"on_signal"});
    EXPECT_EQ(program_names(VIGIL_OOM, 4), Names{"on_oom"});
    EXPECT_EQ(program_names(VIGIL_KILL_FAILED, 4),
              (Names{"on_kill_exit", "on_tkill_exit", "on_tgkill_exit"}));
}

TEST(Hooks, OneLaneMissesWhatItSkips) {
    EXPECT_EQ(missed(1, {}), 0U);
    EXPECT_EQ(missed(1, {{"on_fork", 3}, {"on_signal", 4}}), 7U);
    EXPECT_EQ(missed(1, {{"on_kill_exit", 1}, {"on_tkill_exit", 2}, {"on_tgkill_exit", 3}}), 6U);
}

TEST(Hooks, ManyLanesMissAtMostWhatTheBusiestOfThemLetThrough) {
    Skipped skipped{{"on_exit", 100}, {"on_exit_lane1", 20}, {"on_exit_lane2", 5}};
    EXPECT_EQ(missed(4, skipped), 0U) << "the last lane took them";
    skipped["on_exit_lane3"] = 2;
    EXPECT_EQ(missed(4, skipped), 2U);
}

}  // namespace
}  // namespace vigil::capture
