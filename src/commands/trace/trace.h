// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands/trace/trace_options.h"

namespace vigil::commands {

// Runs the request to its end; returns the exit code. Errors are said on standard error.
int trace(const TraceRequest& request);

}  // namespace vigil::commands
