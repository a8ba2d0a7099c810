// SPDX-License-Identifier: Apache-2.0
// Keeps the process table up to date: applies events and sweeps to it and calls the observers. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/event.h"
#include "model/sample.h"
#include "process/entry_details.h"
#include "process/proc_loader.h"
#include "process/process_observer.h"
#include "process/process_table.h"
#include "process/sample_applier.h"
#include "process/usage_meter.h"

namespace vigil::process {

class TableUpdater {
 public:
    // What the table itself needs where events come.
    static constexpr model::KindSet kinds = model::kind_bit(model::Kind::fork) |
                                            model::kind_bit(model::Kind::exec) |
                                            model::kind_bit(model::Kind::exit);

    // `has_events`: see ProcessTable. `interval_ns`: between two sweeps.
    TableUpdater(bool has_events, uint64_t interval_ns);
    TableUpdater(const TableUpdater&) = delete;
    TableUpdater& operator=(const TableUpdater&) = delete;

    // Who is called from now on, in this order; they must outlive the updater or the next call of
    // this. Collected is the union of their needs.
    void set_observers(ObserverList observers);
    const Needs& needs() const { return needs_; }

    // See ProcLoader::load_all().
    void load_from_proc() { loader_.load_all(); }

    // One event of the kernel, or a loss, in the order of the ring.
    void apply(const model::Event& event);

    // Before events are read between two sweeps.
    void begin_drain() { table_.begin_drain(); }

    // A tick: begin_tick() when the sweep was made, apply() for the events until then, then
    // finish_tick(). See SampleApplier for `network_full_ns`.
    void begin_tick() { table_.begin_tick(); }
    void finish_tick(std::vector<model::Sample>& samples, uint64_t sampled_ns,
                     uint64_t network_full_ns);

    // The last call: observers emit what they have withheld.
    void end();

    const ProcessTable& table() const { return table_; }
    const UsageMeter& meter() const { return meter_; }
    // Estimate of the memory of entries and what they share.
    size_t bytes() const { return table_.bytes() + details_.bytes(); }
    // When an exit event was last lost; 0: never.
    uint64_t exits_lost_ns() const { return exits_lost_ns_; }

 private:
    ProcessEntry& find_or_add(const model::Process& process);
    void apply_fork(const model::Event& event);
    void apply_exec(const model::Event& event);
    void apply_signal(const model::Event& event);
    void apply_oom(const model::Event& event);
    void apply_exit(const model::Event& event);
    void apply_exit(ProcessEntry& entry, const model::Event& event);
    void apply_loss(const model::Event& event);
    void load_parent(const ProcessKey& parent);
    bool has_exited(const model::Process& process);

    Needs needs_;
    EntryDetails details_;  // outlives the nodes of the table
    ProcessTable table_;
    ProcLoader loader_;
    UsageMeter meter_;
    SampleApplier samples_;
    uint64_t exits_lost_ns_ = 0;
};

}  // namespace vigil::process
