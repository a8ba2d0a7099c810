// SPDX-License-Identifier: Apache-2.0
// Decodes a ring record into an event. Pure functions; no length in a record is trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "model/event.h"

namespace vigil::capture {

// Input that the record itself lacks.
struct DecodeContext {
    int64_t unix_minus_boot_ns = 0;
    uint64_t page_bytes = 4096;
    bool oom_follows = false;  // for a signal record, see model/signal_source.h
    uint32_t cpu_count = 1;    // streams are lane * cpu_count + cpu, see abi/control.h
    uint32_t lane_count = 1;
};

// Position of a record in its stream.
struct RecordPosition {
    uint16_t stream = 0;
    model::Kind kind = model::Kind::fork;
    uint64_t sequence = 0;
    uint64_t boot_ns = 0;
};

// nullopt unless `record` starts with a whole header of a known kind.
std::optional<RecordPosition> record_position(std::span<const std::byte> record);

// nullopt unless `record` is a whole record of a known kind. The event's views point into `record`.
std::optional<model::Event> decode(std::span<const std::byte> record, const DecodeContext& context);

// A process at one moment.
struct ProcessAt {
    uint32_t pid = 0;
    uint64_t start_ns = 0;
    uint64_t boot_ns = 0;
};

// The target of a SIGKILL record whose signal the kernel itself sent (SEND_SIG_PRIV). The sender
// may be the OOM killer, which names its victim in a later record.
std::optional<ProcessAt> killed_by_kernel(std::span<const std::byte> record);

// The victim of an OOM record.
std::optional<ProcessAt> oom_victim(std::span<const std::byte> record);

}  // namespace vigil::capture
