// SPDX-License-Identifier: Apache-2.0
// What this program does as an executed process: `vigil_kernel_tests act NAME ARGUMENT...`.
#pragma once

namespace vigil::tests {

// The exit code; arguments from NAME on.
int run_exec_action(int count, char** arguments);

}  // namespace vigil::tests
