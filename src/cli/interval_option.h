// SPDX-License-Identifier: Apache-2.0
// The option --interval of every command that samples.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"

namespace vigil::cli {

constexpr uint64_t min_interval_ns = 100 * ns_per_ms;
constexpr uint64_t max_interval_ns = 3600 * ns_per_s;

// The default is one second.
inline Result<uint64_t> parse_interval(const std::optional<std::string>& text) {
    if (!text) {
        return uint64_t{ns_per_s};
    }
    const auto interval = parse_duration_ns(*text);
    if (!interval) {
        return usage_error("--interval " + interval.error().context);
    }
    if (*interval < min_interval_ns || *interval > max_interval_ns) {
        return usage_error("--interval '" + *text + "': expected 100ms to 1h");
    }
    return *interval;
}

}  // namespace vigil::cli
