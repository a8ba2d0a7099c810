// SPDX-License-Identifier: Apache-2.0
#include "capture/hooks.h"

#include <gtest/gtest.h>

#include <bpf/libbpf.h>

#include <map>
#include <memory>
#include <set>

#include "vigil_bpf.skel.h"

namespace vigil::capture {
namespace {

using Names = std::vector<std::string>;
using Skipped = std::map<std::string, uint64_t>;

uint64_t missed(uint32_t lanes, const Skipped& skipped) {
    return max_missed(lanes, [&](const std::string& name) {
        const auto it = skipped.find(name);
        return it != skipped.end() ? it->second : 0;
    });
}

TEST(Hooks, OneProgramPerLane) {
    EXPECT_EQ(program_names(VIGIL_FORK, 1), Names{"on_fork"});
    EXPECT_EQ(program_names(VIGIL_EXIT, 4),
              (Names{"on_exit", "on_exit_lane1", "on_exit_lane2", "on_exit_lane3"}));
    EXPECT_EQ(program_names(VIGIL_SIGNAL, 4), Names{"on_signal"});
    EXPECT_EQ(program_names(VIGIL_OOM, 4), Names{"on_oom"});
    EXPECT_EQ(program_names(VIGIL_KILL_FAILED, 4),
              (Names{"on_kill_exit", "on_tkill_exit", "on_tgkill_exit", "on_sigqueue_exit",
                     "on_tgsigqueue_exit", "on_pidfd_exit"}));
}

std::set<std::string> chosen(const ProgramSelection& selection) {
    const std::unique_ptr<vigil_bpf, void (*)(vigil_bpf*)> skeleton(vigil_bpf::open(),
                                                                    vigil_bpf::destroy);
    choose_programs(*skeleton->obj, selection);
    std::set<std::string> names;
    bpf_program* program = nullptr;
    while ((program = ::bpf_object__next_program(skeleton->obj, program)) != nullptr) {
        if (::bpf_program__autoload(program)) {
            names.insert(::bpf_program__name(program));
        }
    }
    return names;
}

ProgramSelection selection(uint32_t kinds) {
    ProgramSelection selection;
    selection.filter.kinds = kinds;
    return selection;
}

TEST(Hooks, LoadsOnlyNeededPrograms) {
    using Set = std::set<std::string>;
    EXPECT_EQ(chosen({}), Set{});
    EXPECT_EQ(chosen(selection(1U << VIGIL_EXIT)),
              (Set{"on_fork", "on_worker", "on_exec", "on_exit", "compare_clocks"}));
    EXPECT_EQ(chosen(selection(1U << VIGIL_OOM)), (Set{"on_signal", "on_oom"}));
    ProgramSelection counts;
    counts.count_processes = true;
    EXPECT_EQ(chosen(counts), Set{"on_fork"});
}

TEST(Hooks, ACgroupIsFollowedByAProgramOfItsOwn) {
    ProgramSelection selected = selection(1U << VIGIL_OOM);
    selected.follow_cgroup = true;
    EXPECT_EQ(chosen(selected), (std::set<std::string>{"on_signal", "on_oom", "on_cgroup_mkdir"}));
}

TEST(Hooks, NetworkAccountingNeedsTheExitProgram) {
    ProgramSelection network = selection(1U << VIGIL_EXEC);
    network.network.programs = {"on_send", "on_receive"};
    EXPECT_EQ(chosen(network),
              (std::set<std::string>{"on_exec", "on_exit", "on_send", "on_receive"}));
}

TEST(Hooks, OneLaneMissesItsSkippedRuns) {
    EXPECT_EQ(missed(1, {}), 0U);
    EXPECT_EQ(missed(1, {{"on_fork", 3}, {"on_signal", 4}}), 7U);
    EXPECT_EQ(missed(1, {{"on_kill_exit", 1}, {"on_tkill_exit", 2}, {"on_tgkill_exit", 3}}), 6U);
}

TEST(Hooks, ManyLanesMissAtMostTheMinimum) {
    Skipped skipped{{"on_exit", 100}, {"on_exit_lane1", 20}, {"on_exit_lane2", 5}};
    EXPECT_EQ(missed(4, skipped), 0U) << "the last lane recorded them";
    skipped["on_exit_lane3"] = 2;
    EXPECT_EQ(missed(4, skipped), 2U);
}

}  // namespace
}  // namespace vigil::capture
