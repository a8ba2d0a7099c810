// SPDX-License-Identifier: Apache-2.0
// Applies the samples of a sweep to the table.
#pragma once

#include <cstdint>
#include <vector>

#include "model/sample.h"
#include "process/entry_details.h"
#include "process/process_observer.h"
#include "process/process_table.h"
#include "process/usage_meter.h"

namespace vigil::process {

class SampleApplier {
 public:
    // All must outlive it.
    SampleApplier(ProcessTable& table, EntryDetails& details, const UsageMeter& meter)
        : table_(&table), details_(&details), meter_(&meter) {}

    void set_needs(const Needs& needs);

    // `network_full_ns`: processes that started up to this time may be missing in the map that
    // counts their network bytes; 0: the map was never full.
    void apply(std::vector<model::Sample>& samples, uint64_t sampled_ns, uint64_t network_full_ns);

 private:
    void apply(model::Sample& sample, uint64_t network_full_ns);
    void refresh(ProcessEntry& entry, const model::Sample& sample);
    void refresh_details(ProcessEntry& entry, const model::Sample& sample, bool renamed);

    ProcessTable* table_;
    EntryDetails* details_;
    const UsageMeter* meter_;
    bool measures_ = false;
    ObserverList sample_observers_;
    uint64_t last_sweep_ns_ = 0;
};

}  // namespace vigil::process
