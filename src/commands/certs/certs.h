// SPDX-License-Identifier: Apache-2.0
// Entry point of `vigil certs`. Reads its arguments and returns the exit code.
#pragma once

#include "cli/arguments.h"

namespace vigil::commands {

int run_certs(const cli::Arguments& arguments);

}  // namespace vigil::commands
