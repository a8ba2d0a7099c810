// SPDX-License-Identifier: Apache-2.0
// Times as users write them for --since and --until.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vigil {

// Nanoseconds since the Unix epoch of
// - "1h", "30m", "7d": that long before now,
// - "12:30", "12:30:15": today, local time,
// - "2026-11-20", "2026-11-20 12:30", "2026-11-20 12:30:15": local time,
// - "2026-11-20T12:30:15Z", with up to 6 decimals: UTC (RFC 3339).
Result<int64_t> parse_time_spec(std::string_view text, int64_t now_unix_ns);

}  // namespace vigil
