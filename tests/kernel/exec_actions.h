// SPDX-License-Identifier: Apache-2.0
// Actions of this program as an executed process: `vigil_kernel_tests act NAME ARGUMENT...`.
#pragma once

namespace vigil::tests {

// Returns the exit code; `arguments` start with NAME.
int run_exec_action(int count, char** arguments);

}  // namespace vigil::tests
