// SPDX-License-Identifier: Apache-2.0
// The own capabilities (capabilities(7)), and dropping those that are no longer needed.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/result.h"

namespace vigil::host {

// Effective capabilities (capabilities(7)) that tracing needs. CAP_SYS_ADMIN implies the first two,
// as in the kernel's bpf_capable().
struct Capabilities {
    bool bpf = false;
    bool perfmon = false;
    bool dac_read_search = false;  // only for --failed, to read tracefs
    bool sys_ptrace = false;
    bool sys_admin = false;
    bool sys_resource = false;  // before 5.11, to raise RLIMIT_MEMLOCK
};
Capabilities capabilities();

// Permanently drops all capabilities but these (CAP_...), also for programs that the process
// executes. Applies to the calling thread and the threads that it creates later: call it before
// creating any.
Result<void> keep_only_capabilities(std::initializer_list<int> capabilities);

// The same, keeping what a command needs while it monitors: reading the maps of its programs
// (CAP_BPF, CAP_PERFMON) and all of /proc (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH); where
// `writes_anywhere`, also CAP_DAC_OVERRIDE, for a file in another user's directory.
Result<void> keep_monitoring_capabilities(bool writes_anywhere);

}  // namespace vigil::host
