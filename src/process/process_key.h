// SPDX-License-Identifier: Apache-2.0
// Identity of a process within one boot: pid and start time, because pids are reused.
#pragma once

#include <cstdint>

#include "model/event.h"
#include "model/sample.h"

namespace vigil::process {

struct ProcessKey {
    uint32_t pid = 0;
    uint64_t start_ns = 0;  // since boot; from /proc in steps of one clock tick
};

constexpr ProcessKey key_of(const model::Process& process) {
    return {.pid = process.pid, .start_ns = process.start_ns};
}

// Start times are compared with the tolerance of model::same_start().
constexpr bool same_process(const ProcessKey& a, const ProcessKey& b) {
    return a.pid == b.pid && model::same_start(a.start_ns, b.start_ns);
}

}  // namespace vigil::process
