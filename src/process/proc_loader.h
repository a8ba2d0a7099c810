// SPDX-License-Identifier: Apache-2.0
// Loads processes that are older than the first event from /proc, each with its ancestors. On the
// monitor's thread.
#pragma once

#include <cstdint>

#include "process/entry_details.h"
#include "process/process_table.h"

namespace vigil::process {

class ProcLoader {
 public:
    // Both must outlive the loader.
    ProcLoader(ProcessTable& table, EntryDetails& details) : table_(&table), details_(&details) {}

    // Loads all living processes. Afterwards events report every change: call it once events are
    // being recorded, and before the first of them is applied.
    void load_all();

    // Loads one process and its unknown ancestors. Null if it is gone.
    ProcessEntry* load(uint32_t pid);

 private:
    ProcessTable* table_;
    EntryDetails* details_;
};

}  // namespace vigil::process
