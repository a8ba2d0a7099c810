// SPDX-License-Identifier: Apache-2.0
// The process table: one entry for each living process, by pid, and for each process whose exit
// event is pending. Each entry has a slot, a small number that is reused after on_erase():
// observers keep their own state in vectors by slot.
//
// Only TableUpdater changes it; observers read it on the same thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "process/proc_reader.h"
#include "process/process_entry.h"
#include "process/process_observer.h"
#include "process/recent_exits.h"

namespace vigil::process {

class ProcessTable {
 public:
    // `has_events`: exit events are available. Without them a process that is missing in a sweep
    // has exited.
    explicit ProcessTable(bool has_events) : has_events_(has_events) {}
    ProcessTable(const ProcessTable&) = delete;
    ProcessTable& operator=(const ProcessTable&) = delete;

    // --- For observers.

    // The living process with this pid; null: none known.
    const ProcessEntry* find(uint32_t pid) const;
    // The process with this key, living or with a pending exit; null: unknown, or exited.
    const ProcessEntry* find(const ProcessKey& key) const;
    // The process's node, also shortly after its exit; null: unknown.
    NodePtr find_node(const ProcessKey& key) const;

    // Living processes; iteration yields pairs of pid and entry.
    size_t size() const { return living_.size(); }
    auto begin() const { return living_.begin(); }
    auto end() const { return living_.end(); }

    // Upper bound (exclusive) of all slots.
    size_t slot_count() const { return slot_count_; }
    // Time of the newest event, or of the sweep while its samples are applied. CLOCK_BOOTTIME.
    uint64_t now_ns() const { return now_ns_; }
    uint64_t tick() const { return tick_; }
    // Memory of the entries, without the parts that they share.
    size_t bytes() const;

    // --- For TableUpdater.

    void set_observers(ObserverList observers) { observers_ = std::move(observers); }
    const ObserverList& observers() const { return observers_; }
    bool has_events() const { return has_events_; }

    void set_now(uint64_t now_ns) { now_ns_ = now_ns; }
    void begin_tick();
    void begin_drain() { recent_.begin_drain(); }
    // The sweep contained the process.
    void mark_seen(ProcessEntry& entry);

    ProcessEntry* find(const ProcessKey& key);
    // Returns the entry, added if unknown. An older process with that pid is given up. If a younger
    // one has the pid, the new entry waits for its exit event: late events do not concern the
    // younger process.
    ProcessEntry& find_or_add(const model::Process& process);
    // Gives up the living process with this pid, if it is a different and not younger one. False if
    // a younger one has the pid.
    bool evict_reused_pid(const ProcessKey& key);

    // A process with a pending exit was seen in a sweep: it is alive. False if its pid belongs to
    // another process.
    bool revive(ProcessEntry& entry);

    // Call it after on_exit().
    void erase_exited(ProcessEntry& entry);
    // Gives up the living processes that are missing in the sweep; with events one tick later than
    // without, as their exit event may still come.
    void reap_missing();

    const RecentExits& recent_exits() const { return recent_; }

 private:
    void give_up(ProcessEntry& entry);
    void erase(EntryMap::node_type entry);
    uint32_t take_slot();

    bool has_events_;
    ObserverList observers_;
    EntryMap living_;
    RecentExits recent_;
    std::vector<uint32_t> free_slots_;
    size_t slot_count_ = 0;
    uint64_t now_ns_ = 0;
    uint64_t tick_ = 0;
    size_t seen_ = 0;  // entries seen in the sweep of this tick
};

}  // namespace vigil::process
