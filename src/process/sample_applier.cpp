// SPDX-License-Identifier: Apache-2.0
#include "process/sample_applier.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace vigil::process {
namespace {

// In a sweep a process without network bytes looks like one that did not fit into the map.
void discard_doubtful_network(model::Sample& sample, uint64_t network_full_ns) {
    if (sample.process.start_ns <= network_full_ns && sample.counters.sent_bytes.value_or(0) == 0 &&
        sample.counters.received_bytes.value_or(0) == 0) {
        sample.counters.sent_bytes = sample.counters.received_bytes = std::nullopt;
    }
}

// Usually all bytes are equal, including those after the NUL.
bool is_same_name(const model::Comm& a, const model::Comm& b) {
    return a.bytes == b.bytes || a.view() == b.view();
}

}  // namespace

void SampleApplier::set_needs(const Needs& needs) {
    measures_ = needs.samples;
    sample_observers_.clear();
    std::copy_if(table_->observers().begin(), table_->observers().end(),
                 std::back_inserter(sample_observers_),
                 [](const ProcessObserver* observer) { return observer->needs().samples; });
}

void SampleApplier::apply(std::vector<model::Sample>& samples, uint64_t sampled_ns,
                          uint64_t network_full_ns) {
    table_->set_now(sampled_ns);  // the samples are older than the newest event
    for (model::Sample& sample : samples) {
        apply(sample, network_full_ns);
    }
    last_sweep_ns_ = sampled_ns;
}

void SampleApplier::apply(model::Sample& sample, uint64_t network_full_ns) {
    const ProcessKey key = key_of(sample.process);
    ProcessEntry* entry = table_->find(key);
    if (entry == nullptr) {
        if (table_->recent_exits().ended_near_sweep(key) || !table_->evict_reused_pid(key)) {
            return;  // it has exited, or its pid was already reused
        }
        entry = &table_->find_or_add(sample.process);
        details_->start(*entry);
    }
    if (entry->state != EntryState::living && !table_->revive(*entry)) {
        return;
    }
    table_->mark_seen(*entry);
    const bool replaced = refresh(*entry, sample);
    if (!measures_) {
        return;
    }
    discard_doubtful_network(sample, network_full_ns);
    if (replaced) {
        meter_->restart(*entry, sample.counters,
                        table_->now_ns());  // the share of each program is unknown
    }
    meter_->apply_sample(*entry, sample.counters, table_->now_ns());
    for (ProcessObserver* observer : sample_observers_) {
        observer->on_sample(*entry);
    }
}

bool SampleApplier::refresh(ProcessEntry& entry, const model::Sample& sample) {
    const uint64_t start_ns = entry.process.start_ns;
    const bool renamed = !is_same_name(entry.process.comm, sample.process.comm);
    if (renamed || entry.process.uid != sample.process.uid) {
        entry.version++;
    }
    entry.process = sample.process;
    if (start_ns % model::proc_tick_ns != 0) {
        entry.process.start_ns = start_ns;  // the more precise one
    }
    entry.threads = sample.threads;
    if (!measures_) {
        if (is_cgroup_due(entry)) {
            details_->read_cgroup_within_budget(entry, table_->now_ns());
        }
        return false;
    }
    return refresh_details(entry, sample, renamed);
}

// About that many processes are looked at in each sweep, in turn. Without measurements sweeps are
// rare.
bool SampleApplier::is_cgroup_due(const ProcessEntry& entry) const {
    const size_t reads_per_sweep = measures_ ? 64 : 400;
    const size_t turns = table_->size() / reads_per_sweep + 1;
    return (entry.process.pid + table_->tick()) % turns == 0;
}

bool SampleApplier::refresh_details(ProcessEntry& entry, const model::Sample& sample,
                                    bool renamed) {
    bool replaced = false;
    // Without an exec_id, a new name may mean another program.
    if (entry.exec_id != sample.exec_id || (sample.exec_id == 0 && renamed)) {
        const bool first = entry.measured_ns == 0;
        // An exec during the last sweep: its event came before a sample showed it.
        if (!first && entry.exec_event_ns < last_sweep_ns_) {
            details_->set_image(entry, nullptr);
            replaced = sample.exec_id != 0;
        }
        entry.exec_id = sample.exec_id;
        entry.details_read = entry.details_read && first;  // read from /proc at the start
    }
    if (entry.cgroup_id != sample.process.cgroup_id) {
        details_->update_cgroup(entry, sample.process.cgroup_id);
        if (!entry.cgroup || !identifies_cgroup(entry.cgroup_id)) {
            details_->read_cgroup_from_proc(entry);
        }
    }
    if (entry.details_read && is_cgroup_due(entry)) {
        details_->read_cgroup_within_budget(entry, table_->now_ns());
    }
    if (!entry.details_read) {
        details_->read_from_proc(entry, table_->now_ns());
    }
    return replaced;
}

}  // namespace vigil::process
