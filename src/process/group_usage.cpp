// SPDX-License-Identifier: Apache-2.0
#include "process/group_usage.h"

#include <optional>
#include <utility>

#include "host/cgroups.h"
#include "process/usage_meter.h"

namespace vigil::process {
namespace {

// Calls `use` with the key of the process, if it has one.
template <class Use>
void with_key(GroupBy by, const ProcessEntry& entry, const Use& use) {
    if (by == GroupBy::name) {
        use(entry.process.comm.view());
    } else if (by == GroupBy::user) {
        use(std::string_view(std::to_string(entry.process.uid)));
    } else if (entry.cgroup) {
        const std::string_view path = *entry.cgroup;
        const std::optional<std::string_view> key = by == GroupBy::unit ? host::systemd_unit(path)
                                                    : by == GroupBy::container
                                                        ? host::container_id(path)
                                                        : std::optional(path);
        if (key) {
            use(*key);
        }
    }
}

}  // namespace

GroupUsage::GroupUsage(const ProcessTable& table, uint64_t begun_ns, GroupOptions options)
    : table_(&table), begun_ns_(begun_ns), options_(std::move(options)) {
    for (const GroupBy by : options_.by) {
        kinds_[index(by)].wanted = true;
    }
}

void GroupUsage::count_birth(const ProcessEntry& entry, Member& member, GroupSum& sum) const {
    if (!std::exchange(member.birth_counted, true) && entry.process.start_ns >= begun_ns_) {
        sum.births++;
    }
}

// The first sample of an older process is the baseline of the next ones.
void GroupUsage::on_sample(const ProcessEntry& entry) {
    Member& state = member(entry);
    GroupSum sum;
    sum.members = 1;
    count_birth(entry, state, sum);
    const bool is_new = entry.process.start_ns >= begun_ns_;
    sum.add_used(state.sampled ? growth_between(state.last, entry.counters)
                 : is_new      ? entry.counters
                               : growth_between(entry.counters, entry.counters),
                 true);
    state.sampled = true;
    state.exit_counted = false;
    keep_known(state.last, entry.counters);
    add(entry, sum);
    state.own.add(sum);
}

void GroupUsage::on_missing(const ProcessEntry& entry) {
    Member& state = member(entry);
    GroupSum sum;
    count_birth(entry, state, sum);
    sum.exits = 1;
    state.exit_counted = true;
    add(entry, sum);
    leave_to_ancestor(entry, state, sum);
}

void GroupUsage::on_exit(const ProcessExit& exit) {
    Member& state = member(exit.entry);
    GroupSum sum;
    count_birth(exit.entry, state, sum);
    sum.exits = state.exit_counted ? 0 : 1;
    const model::Counters total = final_counters(exit.exit);
    if (state.sampled) {
        sum.add_used(growth_between(state.last, total), false);
    } else if (exit.entry.process.start_ns >= begun_ns_) {
        sum.add_used(total, false);
    } else {
        sum.add_used({}, false);  // the part from before the interval is unknown
    }
    add(exit.entry, sum);
    leave_to_ancestor(exit.entry, state, sum);
}

void GroupUsage::on_erase(const ProcessEntry& entry) { members_.reset(entry.slot); }

void GroupUsage::add(const ProcessEntry& entry, const GroupSum& sum) {
    for (size_t i = 0; i < group_by_count; i++) {
        if (kinds_[i].wanted) {
            with_key(static_cast<GroupBy>(i), entry,
                     [&](std::string_view key) { open_sum(kinds_[i], key).add(sum); });
        }
    }
}

GroupSum& GroupUsage::open_sum(KindState& kind, std::string_view key) {
    if (const auto it = kind.indexes.find(key); it != kind.indexes.end()) {
        return kind.open[it->second];
    }
    if (kind.groups.size() >= options_.max_groups) {
        return kind.other_open;
    }
    kind.indexes.emplace(std::string(key), kind.groups.size());
    kind.groups.push_back({std::string(key), {}});
    return kind.open.emplace_back();
}

void GroupUsage::close(KindState& kind) const {
    kind.other = std::exchange(kind.other_open, {});
    for (size_t i = 0; i < kind.groups.size();) {
        if (!kind.open[i].is_empty()) {
            kind.groups[i].sum = std::exchange(kind.open[i], {});
            i++;
            continue;
        }
        kind.indexes.erase(kind.groups[i].key);
        if (i + 1 < kind.groups.size()) {
            kind.groups[i] = std::move(kind.groups.back());
            kind.open[i] = kind.open.back();
            kind.indexes[kind.groups[i].key] = i;
        }
        kind.groups.pop_back();
        kind.open.pop_back();
    }
}

void GroupUsage::on_tick(const Tick& tick) {
    for (KindState& kind : kinds_) {
        if (kind.wanted) {
            close(kind);
        }
    }
    if (options_.trees) {
        close_trees(tick);
    }
}

const ProcessEntry* GroupUsage::parent_of(const ProcessEntry& entry) const {
    const ProcessEntry* parent = table_->find(entry.process.ppid);
    return parent != nullptr && parent != &entry &&
                   parent->process.start_ns <= entry.process.start_ns
               ? parent
               : nullptr;
}

// Adds the sum to the parent, or to the nearest living ancestor at the fork.
void GroupUsage::leave_to_ancestor(const ProcessEntry& entry, Member& member_of_entry,
                                   GroupSum sum) {
    if (!options_.trees) {
        return;
    }
    GroupSum own = std::exchange(member_of_entry.own, {});
    own.members = 0;
    own.used.rss_bytes.reset();
    sum.add(own);
    sum.add(std::exchange(member_of_entry.left, {}));
    const ProcessEntry* heir = parent_of(entry);
    const ProcessNode* node = entry.node ? entry.node->parent.get() : nullptr;
    for (; heir == nullptr && node != nullptr; node = node->parent.get()) {
        const ProcessEntry* ancestor = table_->find(node->pid);
        if (ancestor != nullptr && ancestor != &entry &&
            model::same_start(ancestor->process.start_ns, node->start_ns)) {
            heir = ancestor;
        }
    }
    (heir != nullptr ? member(*heir).left : orphaned_open_).add(sum);
}

// From the leaves up: a process is added to its parent once all its children have been added to it.
void GroupUsage::close_trees(const Tick& tick) {
    orphaned_ = std::exchange(orphaned_open_, {});
    std::vector<uint32_t> children(table_->slot_count());
    for (const auto& [pid, entry] : *table_) {
        Member& state = member(entry);
        state.tree = std::exchange(state.own, {});
        state.tree.add(std::exchange(state.left, {}));
        state.tree_tick = tick.number;
        if (const ProcessEntry* parent = parent_of(entry)) {
            children[parent->slot]++;
        }
    }
    std::vector<const ProcessEntry*> complete;
    for (const auto& [pid, entry] : *table_) {
        if (children[entry.slot] == 0) {
            complete.push_back(&entry);
        }
    }
    while (!complete.empty()) {
        const ProcessEntry* entry = complete.back();
        complete.pop_back();
        const ProcessEntry* parent = parent_of(*entry);
        if (parent == nullptr) {
            continue;
        }
        member(*parent).tree.add(member(*entry).tree);
        if (--children[parent->slot] == 0) {
            complete.push_back(parent);
        }
    }
}

const GroupSum* GroupUsage::tree(const ProcessEntry& root) const {
    const Member* state = members_.find(root.slot);
    return state != nullptr && state->tree_tick == table_->tick() ? &state->tree : nullptr;
}

}  // namespace vigil::process
