// SPDX-License-Identifier: Apache-2.0
// Loss accounting: each lane of a CPU is a stream, and each kind in it is numbered by the kernel
// side without gaps.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "abi/control.h"
#include "model/event.h"

namespace vigil::capture {

// How far a reader has come: what to hand to RingReader::confirm().
struct Cursor {
    uint64_t position = 0;                   // in the ring
    std::vector<vigil_cpu_streams> streams;  // index as in abi/control.h
};

// One gap in one stream.
struct Gap {
    model::Kind kind = model::Kind::fork;
    uint16_t stream = 0;
    uint64_t count = 0;
    uint64_t from_boot_ns = 0;  // the last record before it; 0: there was none
    uint64_t to_boot_ns = 0;
};

// Takes one record's place into account and returns what is missing before it (count 0: nothing).
// `stream` must be below cursor.streams.size() and `kind` a kernel kind.
Gap advance(Cursor& cursor, uint16_t stream, model::Kind kind, uint64_t sequence, uint64_t boot_ns);

// Call when all records up to `sequences` have been read: what of them did not come is lost.
// `sequences[stream]` are the kernel side's counters of that moment.
std::vector<Gap> close_gaps(Cursor& cursor, std::span<const vigil_cpu_counters> sequences,
                            uint64_t now_boot_ns);

}  // namespace vigil::capture
