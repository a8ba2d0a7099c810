// SPDX-License-Identifier: Apache-2.0
// Entry point of `vigil agent`. Reads its arguments and returns the exit code.
#pragma once

#include "cli/arguments.h"

namespace vigil::commands {

int run_agent(const cli::Arguments& arguments);

}  // namespace vigil::commands
