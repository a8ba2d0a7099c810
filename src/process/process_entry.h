// SPDX-License-Identifier: Apache-2.0
// The table's entry of one process.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "model/process_view.h"
#include "model/sample.h"
#include "process/ancestry.h"
#include "process/process_key.h"

namespace vigil::process {

enum class EntryState : uint8_t {
    living,
    exit_pending,  // missing in sweeps, or its pid was reused; its exit event may still come
};

// `process` has the newest name, user and cgroup id; its start time is the most precise known one
// and never changes beyond model::same_start().
struct ProcessEntry : model::ProcessView {
    EntryState state = EntryState::living;
    bool origin_known = false;  // its fork was seen, or /proc was read before the first event
    bool details_read = false;  // image and cgroup are complete: /proc was read since the last exec
    bool cwd_read = false;      // `cwd` is its own, not inherited
    uint32_t slot = 0;          // see ProcessTable
    uint32_t version = 1;       // changes with name, user, image and cgroup
    uint32_t threads = 0;       // of the last sample
    uint64_t cgroup_id = 0;     // id of the path in `cgroup`; 0: unknown
    // its cgroup in a hierarchy of version 1 that has the memory controller; null: none, or unknown
    model::SharedText memory_cgroup;
    model::SharedText cwd;  // cwd of the parent at the fork, unless cwd_read; null: unknown
    NodePtr node;           // null if no observer needs ancestry

    uint64_t exec_id = 0;         // of the last sample
    uint64_t exec_event_ns = 0;   // time of its last exec event; 0: none
    uint64_t last_seen_tick = 0;  // last tick with a sample or an event of it
    uint64_t measured_ns = 0;     // time of `counters`; 0: never read
    uint64_t usage_from_ns = 0;   // `usage` covers [usage_from_ns, measured_ns]
    model::Counters counters;
    uint64_t replaced_ns = 0;           // time of the last exec with counters; 0: none
    model::Counters replaced_counters;  // totals at that time
    uint64_t max_huge_rss_bytes = 0;    // maximum sampled memory that includes huge pages
    model::Usage usage;
};

inline ProcessKey key_of(const ProcessEntry& entry) { return key_of(entry.process); }

using EntryMap = std::unordered_map<uint32_t, ProcessEntry>;  // by pid; entries never move

}  // namespace vigil::process
