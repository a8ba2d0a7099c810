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

}  // namespace vigil::host
