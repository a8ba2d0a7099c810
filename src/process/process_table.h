// SPDX-License-Identifier: Apache-2.0
// The process table: one entry for each living process, by pid, and those whose exit event is still
// awaited. Each entry has a slot, a small number that is reused after on_erase(): observers keep
// their own state in vectors by slot.
//
// TableUpdater is the only one to change it; observers read it, on the same thread.
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
    // `has_events`: exit events come. Without them a process that a sweep does not show has ended.
    explicit ProcessTable(bool has_events) : has_events_(has_events) {}
    ProcessTable(const ProcessTable&) = delete;
    ProcessTable& operator=(const ProcessTable&) = delete;

    // --- For observers.

    // The living process of this pid; null: none is known.
    const ProcessEntry* find(uint32_t pid) const;
    // This very process, living or awaiting its exit event; null: not known, or exited.
    const ProcessEntry* find(const ProcessKey& key) const;
    // Its node, also shortly after its exit; null: not known.
    NodePtr find_node(const ProcessKey& key) const;

    // Living processes; iteration yields pairs of pid and entry.
    size_t size() const { return living_.size(); }
    auto begin() const { return living_.begin(); }
    auto end() const { return living_.end(); }

    // All slots are below.
    size_t slot_count() const { return slot_count_; }
    // Of the newest event, or of the sweep while its samples are applied. CLOCK_BOOTTIME.
    uint64_t now_ns() const { return now_ns_; }
    uint64_t tick() const { return tick_; }
    // Of the entries, without what they share.
    size_t bytes() const;

    // --- For TableUpdater.

    void set_observers(ObserverList observers) { observers_ = std::move(observers); }
    const ObserverList& observers() const { return observers_; }
    bool has_events() const { return has_events_; }

    void set_now(uint64_t now_ns) { now_ns_ = now_ns; }
    void begin_tick();
    void begin_drain() { recent_.begin_drain(); }
    // Was shown by this sweep.
    void mark_seen(ProcessEntry& entry);

    ProcessEntry* find(const ProcessKey& key);
    // A new entry where it is not known. An older process of that pid is given up; beside a younger
    // one the new entry awaits its exit event: what comes late says nothing of the younger one.
    ProcessEntry& find_or_add(const model::Process& process);
    // Gives up the living process of this pid, if it is another and not younger one. False where a
    // younger one has the pid.
    bool evict_reused_pid(const ProcessKey& key);

    // One that awaits its exit event was shown by a sweep: it lives. False where its pid has
    // another process.
    bool revive(ProcessEntry& entry);

    // After on_exit().
    void erase_exited(ProcessEntry& entry);
    // Gives up the living processes that the sweep has not shown: with events one tick later than
    // without, as their exit may be on its way.
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
    size_t seen_ = 0;  // entries that the sweep of this tick has shown
};

}  // namespace vigil::process
