// SPDX-License-Identifier: Apache-2.0
// Reports about the sources of events, on standard error.
#pragma once

#include "monitor/event_sources.h"

namespace vigil::cli {

// Reports what this machine cannot observe, so that silence is not taken for a good sign.
void print_limitations(const monitor::EventSources& sources);

// Call it at the end: reports what was lost.
void print_losses(const monitor::EventSources& sources);

}  // namespace vigil::cli
