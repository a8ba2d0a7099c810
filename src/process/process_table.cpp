// SPDX-License-Identifier: Apache-2.0
#include "process/process_table.h"

#include <utility>

namespace vigil::process {

const ProcessEntry* ProcessTable::find(uint32_t pid) const {
    const auto it = living_.find(pid);
    return it != living_.end() ? &it->second : nullptr;
}

ProcessEntry* ProcessTable::find(const ProcessKey& key) {
    const auto it = living_.find(key.pid);
    if (it != living_.end() && model::same_start(it->second.process.start_ns, key.start_ns)) {
        return &it->second;
    }
    return recent_.pending() != 0 ? recent_.find_pending(key) : nullptr;
}

const ProcessEntry* ProcessTable::find(const ProcessKey& key) const {
    return const_cast<ProcessTable*>(this)->find(key);
}

NodePtr ProcessTable::find_node(const ProcessKey& key) const {
    const ProcessEntry* entry = find(key);
    return entry != nullptr ? entry->node : recent_.find_node(key);
}

size_t ProcessTable::bytes() const {
    constexpr size_t node_bytes = sizeof(EntryMap::value_type) + 2 * sizeof(void*);
    return (living_.size() + recent_.pending()) * node_bytes;
}

void ProcessTable::begin_tick() {
    tick_++;
    seen_ = 0;
    recent_.begin_sweep();
}

void ProcessTable::mark_seen(ProcessEntry& entry) {
    if (entry.state == EntryState::living && entry.last_seen_tick != tick_) {
        entry.last_seen_tick = tick_;
        seen_++;
    }
}

uint32_t ProcessTable::take_slot() {
    if (free_slots_.empty()) {
        return static_cast<uint32_t>(slot_count_++);
    }
    const uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
}

ProcessEntry& ProcessTable::find_or_add(const model::Process& process) {
    const ProcessKey key = key_of(process);
    if (ProcessEntry* known = find(key)) {
        return *known;
    }
    ProcessEntry fresh;
    fresh.process = process;
    fresh.slot = take_slot();
    fresh.last_seen_tick = tick_;
    if (evict_reused_pid(key)) {
        seen_++;
        return living_.emplace(process.pid, std::move(fresh)).first->second;
    }
    fresh.state = EntryState::exit_pending;
    EntryMap superseded;
    superseded.emplace(process.pid, std::move(fresh));
    auto entry = superseded.extract(process.pid);
    ProcessEntry& added = entry.mapped();
    if (auto displaced = recent_.hold(std::move(entry))) {
        erase(std::move(displaced));
    }
    return added;
}

bool ProcessTable::evict_reused_pid(const ProcessKey& key) {
    const auto it = living_.find(key.pid);
    if (it == living_.end() || model::same_start(it->second.process.start_ns, key.start_ns)) {
        return true;
    }
    if (it->second.process.start_ns > key.start_ns) {
        return false;
    }
    give_up(it->second);
    return true;
}

// The process is gone without an exit event.
void ProcessTable::give_up(ProcessEntry& entry) {
    if (entry.last_seen_tick == tick_) {
        seen_--;
    }
    for (ProcessObserver* observer : observers_) {
        observer->on_missing(entry);
    }
    entry.state = EntryState::exit_pending;
    auto gone = living_.extract(entry.process.pid);
    if (has_events_) {
        gone = recent_.hold(std::move(gone));
    }
    if (gone) {
        erase(std::move(gone));
    }
}

void ProcessTable::erase(EntryMap::node_type entry) {
    for (ProcessObserver* observer : observers_) {
        observer->on_erase(entry.mapped());
    }
    free_slots_.push_back(entry.mapped().slot);
}

bool ProcessTable::revive(ProcessEntry& entry) {
    if (living_.find(entry.process.pid) != living_.end()) {
        return false;
    }
    entry.state = EntryState::living;
    living_.insert(recent_.release(entry.process.pid));
    return true;
}

void ProcessTable::erase_exited(ProcessEntry& entry) {
    const uint32_t pid = entry.process.pid;
    if (entry.state == EntryState::living) {
        seen_ -= entry.last_seen_tick == tick_ ? 1 : 0;
        recent_.add(key_of(entry), entry.node);
        erase(living_.extract(pid));
    } else {
        recent_.add(key_of(entry), entry.node);
        erase(recent_.release(pid));
    }
}

void ProcessTable::reap_missing() {
    if (seen_ == living_.size()) {
        return;  // the common case: the sweep contained all
    }
    const uint64_t grace_ticks = has_events_ ? 1 : 0;
    std::vector<uint32_t> missing;
    for (const auto& [pid, entry] : living_) {
        // The exit event of a process that frees much memory can come late.
        if (entry.last_seen_tick + grace_ticks < tick_ && !ProcReader::is_running(key_of(entry))) {
            missing.push_back(pid);
        }
    }
    for (const uint32_t pid : missing) {
        give_up(living_.find(pid)->second);
    }
}

}  // namespace vigil::process
