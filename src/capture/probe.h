// SPDX-License-Identifier: Apache-2.0
// Probes whether the kernel accepts what tracing needs, by trying. Nothing is attached or left
// behind.
#pragma once

#include <cstdint>
#include <string>

#include "host/probe_result.h"
#include "model/event.h"

namespace vigil::capture {

// Loads the programs of one kernel kind as Tracer::attach() would.
host::ProbeResult probe_hook(model::Kind kind);

// Loads the programs that count sent and received bytes, with the method of find_network_hooks().
host::ProbeResult probe_network();
// How to get it if it was denied.
std::string network_hint(const host::ProbeResult& denial);

// Creates a ring of this size (a power of two) and maps it.
host::ProbeResult probe_ring(uint64_t size_bytes);

}  // namespace vigil::capture
