// SPDX-License-Identifier: Apache-2.0
// State that is read from /proc and /sys before the kernel side has seen enough events itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace vigil::host {

// `root` and all its present descendants; empty if `root` does not run. Read from /proc/PID/stat
// (proc(5)), so a process that starts meanwhile may be missing: repeat until no new pids appear.
std::vector<uint32_t> process_tree(uint32_t root);

// A process with an exiting thread: it has exited, but may not have been waited for.
struct ExitingProcess {
    uint32_t pid = 0;
    std::string comm;
};
// Includes every process that is exiting during the whole call.
std::vector<ExitingProcess> exiting_processes();

}  // namespace vigil::host
