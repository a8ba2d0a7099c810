// SPDX-License-Identifier: Apache-2.0
// Giving up rights (capabilities(7)) that are needed no more.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/result.h"

namespace vigil::host {

// Gives up all capabilities but these (CAP_...), as far as the process has them, for good: also
// for programs that it executes. For the calling thread and those that it starts later, so to be
// called before there are others.
Result<void> keep_only_capabilities(std::initializer_list<int> capabilities);

// The same, keeping what a command needs while it monitors: reading the maps of its programs
// (CAP_BPF, CAP_PERFMON) and all of /proc (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH); where
// `writes_anywhere`, also CAP_DAC_OVERRIDE, for a file in another user's directory.
Result<void> keep_monitoring_capabilities(bool writes_anywhere);

}  // namespace vigil::host
