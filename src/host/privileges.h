// SPDX-License-Identifier: Apache-2.0
// Dropping capabilities (capabilities(7)) that are no longer needed.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/result.h"

namespace vigil::host {

// Permanently drops all capabilities but these (CAP_...), also for programs that the process
// executes. Applies to the calling thread and the threads that it creates later: call it before
// creating any.
Result<void> keep_only_capabilities(std::initializer_list<int> capabilities);

// The same, keeping what a command needs while it monitors: reading the maps of its programs
// (CAP_BPF, CAP_PERFMON) and all of /proc (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH); where
// `writes_anywhere`, also CAP_DAC_OVERRIDE, for a file in another user's directory.
Result<void> keep_monitoring_capabilities(bool writes_anywhere);

}  // namespace vigil::host
