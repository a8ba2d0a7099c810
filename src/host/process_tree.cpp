// SPDX-License-Identifier: Apache-2.0
#include "host/process_tree.h"

#include <algorithm>
#include <unordered_map>

#include "host/procfs.h"

namespace vigil::host {

std::vector<uint32_t> process_tree(uint32_t root) {
    std::unordered_map<uint32_t, std::vector<uint32_t>> children;
    bool root_runs = false;
    for (const uint32_t pid : list_processes()) {
        if (const auto stat = read_stat(pid)) {
            children[stat->ppid].push_back(pid);
            root_runs = root_runs || pid == root;
        }
    }
    std::vector<uint32_t> tree;
    if (root_runs) {
        tree.push_back(root);
    }
    for (size_t i = 0; i < tree.size(); i++) {
        const auto& next = children[tree[i]];
        tree.insert(tree.end(), next.begin(), next.end());
    }
    return tree;
}

namespace {

// The last thread of a process to exit need not be its leader, but the leader is exiting by then.
bool has_exiting_thread(uint32_t pid) {
    for (const uint32_t tid : list_threads(pid)) {
        const auto thread = read_thread_stat(pid, tid);
        if (thread && thread->exiting && thread->state != 'Z' && thread->state != 'X') {
            return true;
        }
    }
    return false;
}

}  // namespace

std::vector<ExitingProcess> exiting_processes() {
    std::vector<ExitingProcess> found;
    for (const uint32_t pid : list_processes()) {
        const auto leader = read_stat(pid);
        if (leader && leader->exiting && !leader->is_zombie() && has_exiting_thread(pid)) {
            found.push_back({pid, leader->comm});
        }
    }
    return found;
}

}  // namespace vigil::host
