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

}  // namespace vigil::host
