// SPDX-License-Identifier: Apache-2.0
// Keeps the process table up to date: applies events and sweeps to it and calls the observers. All
// on the monitor's thread.
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
    // Kinds that the table itself needs from the event source.
    static constexpr model::KindSet kinds = model::kind_bit(model::Kind::fork) |
                                            model::kind_bit(model::Kind::exec) |
                                            model::kind_bit(model::Kind::exit);

    // `has_events`: see ProcessTable. `interval_ns`: between two sweeps.
    TableUpdater(bool has_events, uint64_t interval_ns);
    TableUpdater(const TableUpdater&) = delete;
    TableUpdater& operator=(const TableUpdater&) = delete;

    // Sets the observers, called in this order; they must outlive the updater or the next call of
    // this. Their needs are united.
    void set_observers(ObserverList observers);
    const Needs& needs() const { return needs_; }

    // See ProcLoader::load_all().
    void load_from_proc() { loader_.load_all(); }

    // Applies one kernel event or loss, in the order of the ring.
    void apply(const model::Event& event);

    // Call it before events are read between two sweeps.
    void begin_drain() { table_.begin_drain(); }

    // A tick: begin_tick() after the sweep, apply() for the events until then, then finish_tick().
    // See SampleApplier for `network_full_ns`.
    void begin_tick() { table_.begin_tick(); }
    void finish_tick(std::vector<model::Sample>& samples, uint64_t sampled_ns,
                     uint64_t network_full_ns);

    // The last call: observers emit withheld reports.
    void end();

    const ProcessTable& table() const { return table_; }
    const UsageMeter& meter() const { return meter_; }
    // Estimated memory of the entries and the parts that they share.
    size_t bytes() const { return table_.bytes() + details_.bytes(); }
    // Time of the last lost exit event; 0: never.
    uint64_t exits_lost_ns() const { return exits_lost_ns_; }

 private:
    ProcessEntry& find_or_add(const model::Process& process);
    void apply_fork(const model::Event& event);
    void apply_exec(const model::Event& event);
    void apply_signal(const model::Event& event);
    void apply_oom(const model::Event& event);
    void apply_exit(const model::Event& event);
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
