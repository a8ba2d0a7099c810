// SPDX-License-Identifier: Apache-2.0
#include "process/proc_loader.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace vigil::process {
namespace {

model::Process process_of(uint32_t pid, const host::ProcStat& stat) {
    model::Process process;
    process.pid = process.tid = pid;
    process.ppid = stat.ppid;
    process.start_ns = stat.start_ns;
    std::memcpy(process.comm.bytes.data(), stat.comm.data(),
                std::min(stat.comm.size(), process.comm.bytes.size() - 1));
    return process;
}

}  // namespace

// Iteratively, from the first known ancestor down to `pid`: chains may be long.
ProcessEntry* ProcLoader::load(uint32_t pid) {
    std::vector<model::Process> chain;
    std::unordered_set<uint32_t> visited;
    ProcessEntry* parent = nullptr;
    while (pid != 0 && visited.insert(pid).second) {
        const auto stat = ProcReader::stat(pid);
        if (!stat || stat->is_zombie()) {
            break;
        }
        chain.push_back(process_of(pid, *stat));
        parent = table_->find(key_of(chain.back()));
        if (parent != nullptr) {
            chain.pop_back();
            if (parent->state != EntryState::living && !table_->revive(*parent)) {
                parent = nullptr;
            }
            break;
        }
        pid = stat->ppid;
    }
    for (auto each = chain.rbegin(); each != chain.rend(); ++each) {
        ProcessEntry& entry = table_->find_or_add(*each);
        details_->load(entry, parent);
        parent = &entry;
    }
    return parent;
}

void ProcLoader::load_all() {
    for (const uint32_t pid : ProcReader::list()) {
        (void)load(pid);
    }
}

}  // namespace vigil::process
