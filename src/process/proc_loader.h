// SPDX-License-Identifier: Apache-2.0
// Loads processes that are older than the first event from /proc, each with its ancestors.
#pragma once

#include <cstdint>

#include "process/entry_details.h"
#include "process/process_table.h"

namespace vigil::process {

class ProcLoader {
 public:
    // They must outlive it.
    ProcLoader(ProcessTable& table, EntryDetails& details) : table_(&table), details_(&details) {}

    // All living processes. Afterwards events make every change: it is to be called when they are
    // recorded already, and before the first of them is applied.
    void load_all();

    // One process, and those of its ancestors that are not known. Null: it is gone.
    ProcessEntry* load(uint32_t pid);

 private:
    ProcessTable* table_;
    EntryDetails* details_;
};

}  // namespace vigil::process
