// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands/trace/trace_options.h"

namespace vigil::commands {

// Runs the request and returns the exit code. Errors are printed on standard error.
int trace(const TraceRequest& request);

}  // namespace vigil::commands
