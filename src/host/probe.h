// SPDX-License-Identifier: Apache-2.0
// Probes of the machine, one per function: by trying if possible, otherwise from what the kernel
// reports about itself. Nothing is attached or left behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "host/probe_result.h"

namespace vigil::host {

enum class ProgramType {
    tp_btf,
    raw_tracepoint,
    tracepoint,
    fexit,
    iter_task,
    syscall,
    cgroup_skb,
    kprobe
};

// Loads an empty program of this type.
ProbeResult probe_program(ProgramType type);

// True if kprobes can be attached, not only loaded: perf_event_open(2) supports them.
bool has_kprobe_events();

// RLIMIT_MEMLOCK's soft limit in bytes; nullopt: unlimited.
std::optional<uint64_t> memlock_limit();

// Before 5.11 maps are charged to the user's locked memory, since then to the cgroup. True if the
// limit applies and is too low, and CAP_SYS_RESOURCE to raise it is missing.
bool memlock_is_low();
constexpr uint64_t sufficient_memlock_bytes = 64 << 20;

// Success, or the first reason why no program can be loaded here, with a fix.
Result<void> check_can_trace();

}  // namespace vigil::host
