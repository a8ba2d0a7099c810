// SPDX-License-Identifier: Apache-2.0
// Entry points of `vigil server` and `vigil ctl`. Each reads its arguments and returns the exit
// code.
#pragma once

#include "cli/arguments.h"

namespace vigil::commands {

int run_server(const cli::Arguments& arguments);
int run_ctl(const cli::Arguments& arguments);

}  // namespace vigil::commands
