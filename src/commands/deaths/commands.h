// SPDX-License-Identifier: Apache-2.0
// Entry points of `vigil record`, `why` and `history`. Each reads its arguments and returns the
// exit code.
#pragma once

#include "cli/arguments.h"

namespace vigil::commands {

int run_record(const cli::Arguments& arguments);
int run_why(const cli::Arguments& arguments);
int run_history(const cli::Arguments& arguments);

}  // namespace vigil::commands
