// SPDX-License-Identifier: Apache-2.0
// Sums over groups of processes for each interval, including processes that exited in it. An
// observer: it is only in the monitor's list if sums are needed, so it costs nothing otherwise. Its
// consumers come after it in the list and read it in on_tick().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "process/group_sum.h"
#include "process/process_observer.h"
#include "process/process_table.h"
#include "process/slot_vector.h"

namespace vigil::process {

// Group key: the name (comm), systemd unit, container id, cgroup path, or uid. A process without a
// key is in no group.
enum class GroupBy : uint8_t { name, unit, container, cgroup, user };
constexpr size_t group_by_count = 5;

struct Group {
    std::string key;
    GroupSum sum;  // of the last complete interval
};

struct GroupOptions {
    std::vector<GroupBy> by;
    bool trees = false;
    size_t max_groups = 4096;  // per kind
};

class GroupUsage final : public ProcessObserver {
 public:
    // The table must outlive it. Processes that started at `begun_ns` or later count as births.
    GroupUsage(const ProcessTable& table, uint64_t begun_ns, GroupOptions options);

    // The groups of the last interval, valid until the next tick. A process counts in its group at
    // its sample or its exit. A group keeps its index while it has members.
    const std::vector<Group>& groups(GroupBy by) const { return kinds_[index(by)].groups; }
    // The sum of processes beyond max_groups: they are in no other group.
    const GroupSum& other(GroupBy by) const { return kinds_[index(by)].other; }

    // A living process and its living descendants (by their present parents), with descendants that
    // exited in the interval. Null if it was not sampled in this tick.
    const GroupSum* tree(const ProcessEntry& root) const;
    // Usage of processes that exited without a living ancestor.
    const GroupSum& orphaned() const { return orphaned_; }

    Needs needs() const override { return {.samples = true, .ancestry = options_.trees}; }
    void on_sample(const ProcessEntry& entry) override;
    void on_missing(const ProcessEntry& entry) override;
    void on_exit(const ProcessExit& exit) override;
    void on_erase(const ProcessEntry& entry) override;
    void on_tick(const Tick& tick) override;

 private:
    struct StringHash {
        // NOLINTNEXTLINE(readability-identifier-naming): required by the standard
        using is_transparent = void;
        size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>()(text);
        }
    };
    using IndexByKey = std::unordered_map<std::string, size_t, StringHash, std::equal_to<>>;

    struct KindState {
        bool wanted = false;
        std::vector<Group> groups;
        std::vector<GroupSum> open;  // of the current interval; same order as groups
        IndexByKey indexes;
        GroupSum other;
        GroupSum other_open;
    };

    struct Member {
        bool sampled = false;  // `last` is set
        bool birth_counted = false;
        bool exit_counted = false;
        uint64_t tree_tick = 0;  // tick of `tree`
        model::Counters last;
        GroupSum own;   // own usage in this interval so far
        GroupSum left;  // usage of descendants that exited in this interval
        GroupSum tree;
    };

    static size_t index(GroupBy by) { return static_cast<size_t>(by); }
    Member& member(const ProcessEntry& entry) { return members_[entry.slot]; }
    void count_birth(const ProcessEntry& entry, Member& member, GroupSum& sum) const;
    void add(const ProcessEntry& entry, const GroupSum& sum);
    GroupSum& open_sum(KindState& kind, std::string_view key);
    void leave_to_ancestor(const ProcessEntry& entry, Member& member_of_entry, GroupSum sum);
    const ProcessEntry* parent_of(const ProcessEntry& entry) const;
    void close(KindState& kind) const;
    void close_trees(const Tick& tick);

    const ProcessTable* table_;
    uint64_t begun_ns_;
    GroupOptions options_;
    std::array<KindState, group_by_count> kinds_;
    SlotVector<Member> members_;
    GroupSum orphaned_;
    GroupSum orphaned_open_;
};

}  // namespace vigil::process
