// SPDX-License-Identifier: Apache-2.0
// Entry points of `vigil trace`, `pin`, `unpin`, and of the programs that trace replaces. Each
// reads its arguments and returns the exit code.
#pragma once

#include "cli/arguments.h"

namespace vigil::commands {

int run_trace(const cli::Arguments& arguments);
int run_pin(const cli::Arguments& arguments);
int run_unpin(const cli::Arguments& arguments);
int run_rustsigwatch(const cli::Arguments& arguments);
int run_process_monitor(const cli::Arguments& arguments);

}  // namespace vigil::commands
