// SPDX-License-Identifier: Apache-2.0
// What has to be asked of /proc and /sys before the kernel side can answer by itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace vigil::host {

// `root` and every process below it now; empty where `root` does not run. Read from
// /proc/PID/stat (proc(5)), so a process that is born meanwhile may be missing: ask until
// nothing new comes.
std::vector<uint32_t> process_tree(uint32_t root);

// A process with a thread on its way out: ended for itself, not yet for its parent.
struct ExitingProcess {
    uint32_t pid = 0;
    std::string comm;
};
// Every process that is on its way out during the whole call is among them.
std::vector<ExitingProcess> exiting_processes();

}  // namespace vigil::host
