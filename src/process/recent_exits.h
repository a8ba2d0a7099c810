// SPDX-License-Identifier: Apache-2.0
// Recently exited processes, to recognise what comes late: samples of a sweep that was faster than
// the exit, signals whose sender has exited, and exit events of processes that were given up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "process/ancestry.h"
#include "process/process_entry.h"
#include "process/process_key.h"

namespace vigil::process {

class RecentExits {
 public:
    static constexpr size_t max_nodes = 256;
    static constexpr size_t max_near_sweep = 65'536;
    static constexpr size_t max_pending = 16'384;

    // Records the exit event of this process. `node` may be null.
    void add(const ProcessKey& key, NodePtr node);

    // Among the last max_nodes exits: whether it contains the process, and its node.
    bool contains(const ProcessKey& key) const { return find_index(key) != max_nodes; }
    NodePtr find_node(const ProcessKey& key) const;

    // True for exits since the sweep before the last one: /proc and sweeps show a process slightly
    // beyond its exit event. If only events are read, earlier exits are dropped.
    bool ended_near_sweep(const ProcessKey& key) const;
    void begin_sweep();
    void begin_drain() { near_sweep_.clear(); }

    // Holds an entry until its exit event comes. Returns the entry that it displaces, if any:
    // another one with its pid, or the oldest at the limit.
    EntryMap::node_type hold(EntryMap::node_type entry);
    ProcessEntry* find_pending(const ProcessKey& key);
    EntryMap::node_type release(uint32_t pid) { return pending_.extract(pid); }
    size_t pending() const { return pending_.size(); }

 private:
    size_t find_index(const ProcessKey& key) const;
    void compact_order();

    using StartByPid = std::unordered_map<uint32_t, uint64_t>;

    std::array<ProcessKey, max_nodes> keys_{};  // a circular buffer, parallel to nodes_
    std::array<NodePtr, max_nodes> nodes_;
    size_t next_ = 0;
    StartByPid near_sweep_;         // since the last sweep
    StartByPid near_sweep_before_;  // since the one before it
    EntryMap pending_;
    std::deque<ProcessKey> order_;  // keys of pending_, oldest first; may contain released ones
};

}  // namespace vigil::process
