// SPDX-License-Identifier: Apache-2.0
// Asks the kernel whether it takes what tracing needs, by trying. Nothing is attached or stays.
#pragma once

#include <cstdint>
#include <string>

#include "host/probe_result.h"
#include "model/event.h"

namespace vigil::capture {

// Loads the programs of one kernel kind as Tracer::attach() would.
host::ProbeResult probe_hook(model::Kind kind);

// Whether what processes send and receive can be counted: loads the programs for it, by the
// method that find_network_hooks() names.
host::ProbeResult probe_network();
// How to get it where it was refused.
std::string network_hint(const host::ProbeResult& denial);

// Creates a ring of this size (a power of two) and maps it.
host::ProbeResult probe_ring(uint64_t size_bytes);

}  // namespace vigil::capture
