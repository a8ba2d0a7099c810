// SPDX-License-Identifier: Apache-2.0
// Decodes a ring record into an event. Pure functions; no length in a record is trusted.
#pragma once

#include <linux/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "abi/records.h"
#include "model/event.h"

namespace vigil::capture {

// How far CLOCK_MONOTONIC is ahead of the scheduler's clock; see run_clock.h.
struct ClockOffset {
    uint64_t compared_ns = 0;  // CLOCK_MONOTONIC
    int64_t monotonic_minus_clock_ns = 0;
};

// What the bytes alone do not say.
struct DecodeContext {
    int64_t unix_minus_boot_ns = 0;
    uint64_t page_bytes = 4096;
    bool oom_follows = false;  // for a signal record, see model/signal_source.h
    uint32_t cpu_count = 1;    // streams are lane * cpu_count + cpu, see abi/control.h
    uint32_t lane_count = 1;
    std::optional<ClockOffset> clock_offset = {};
};

// Position of a record in its stream.
struct RecordPosition {
    uint16_t stream = 0;
    model::Kind kind = model::Kind::fork;
    uint64_t sequence = 0;
    uint64_t boot_ns = 0;
};

// CPU time of a vigil_usage, including the time since the last update of the run queues of its
// running threads. Without that part (so low by up to a tick per running thread) if the clocks were
// not compared within max_clock_age_ns of the record.
constexpr uint64_t max_clock_age_ns = 5'000'000'000;
uint64_t cpu_time_ns(const vigil_usage& usage, const std::optional<ClockOffset>& offset);

// nullopt where `record` has no whole header of a known kind.
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
