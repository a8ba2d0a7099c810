// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace vigil::output {

// For the end of a command whose output or log has a slow reader. Calls `flush` every 10 ms until
// it returns false (nothing waits any more), for a second at most.
void final_flush(const std::function<bool()>& flush);

}  // namespace vigil::output
