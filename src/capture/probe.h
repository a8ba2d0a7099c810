// SPDX-License-Identifier: Apache-2.0
// Asks the kernel whether it takes what tracing needs, by trying. Nothing is attached or stays.
#pragma once

#include <cstdint>

#include "host/answer.h"
#include "model/event.h"

namespace vigil::capture {

// Loads the programs of one kernel kind as Tracer::attach() would.
host::Answer probe_hook(model::Kind kind);

// Creates a ring of this size (a power of two) and maps it.
host::Answer probe_ring(uint64_t size_bytes);

}  // namespace vigil::capture
