// SPDX-License-Identifier: Apache-2.0
// The process that a user names by its pid.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace vigil::host {

enum class PidUse {
    none,     // no process has this id
    process,  // a living process
    zombie,   // a process that has ended; its parent has not waited for it
    thread,   // a thread of `pid`, not its first one
};

struct FoundProcess {
    PidUse use = PidUse::none;
    uint32_t pid = 0;       // of the process
    uint64_t start_ns = 0;  // as in ProcStat
    std::string comm;
    // pidfd_open(2): polls readable once the process has ended. Empty if the kernel refused it.
    Fd pidfd;
};

// Looks the id up in /proc. Fails if /proc is not mounted, or hides the process.
Result<FoundProcess> find_process(uint32_t id);

// True if a process has ended; `pidfd` as in FoundProcess.
bool has_ended(const Fd& pidfd);

}  // namespace vigil::host
