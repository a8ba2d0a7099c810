// SPDX-License-Identifier: Apache-2.0
// What a command says of its sources of events, on standard error.
#pragma once

#include "monitor/event_sources.h"

namespace vigil::cli {

// What this machine does not report, so that nobody takes silence for a good sign.
void print_limitations(const monitor::EventSources& sources);

// At the end: what was lost.
void print_losses(const monitor::EventSources& sources);

}  // namespace vigil::cli
