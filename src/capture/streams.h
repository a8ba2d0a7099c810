// SPDX-License-Identifier: Apache-2.0
// Loss accounting. Each lane of a CPU is a stream, in which the kernel side numbers the records of
// each kind without gaps.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "abi/control.h"
#include "model/event.h"

namespace vigil::capture {

// Position of a reader, as passed to RingReader::confirm().
struct Cursor {
    uint64_t position = 0;                   // in the ring
    std::vector<vigil_cpu_streams> streams;  // index as in abi/control.h
};

// One gap in one stream.
struct Gap {
    model::Kind kind = model::Kind::fork;
    uint16_t stream = 0;
    uint64_t count = 0;
    uint64_t from_boot_ns = 0;  // time of the last record before it; 0: there was none
    uint64_t to_boot_ns = 0;
};

// Advances the cursor by one record and returns the gap before it (count 0: none). `stream` must be
// below cursor.streams.size() and `kind` a kernel kind.
Gap advance(Cursor& cursor, uint16_t stream, model::Kind kind, uint64_t sequence, uint64_t boot_ns);

// Call when all records up to `sequences` have been read: missing ones are lost.
// `sequences[stream]` are the kernel side's counters of that moment.
std::vector<Gap> close_gaps(Cursor& cursor, std::span<const vigil_cpu_counters> sequences,
                            uint64_t now_boot_ns);

}  // namespace vigil::capture
