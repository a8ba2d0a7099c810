// SPDX-License-Identifier: Apache-2.0
// How much and how long deaths are kept on this machine, and which of them the server gets.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "model/death.h"

namespace vigil::deaths {

struct Retention {
    uint64_t max_bytes = 256 << 20;
    uint64_t max_age_ns = uint64_t{7} * 24 * 3600 * ns_per_s;
};

enum class DeathForwarding : uint8_t { abnormal, all, none };

inline bool is_forwarded(DeathForwarding which, const model::Death& death) {
    return which == DeathForwarding::all ||
           (which == DeathForwarding::abnormal && death.is_abnormal());
}

}  // namespace vigil::deaths
