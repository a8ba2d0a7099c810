// SPDX-License-Identifier: Apache-2.0
// Local times for output, with the date unless it is today's.
#pragma once

#include <cstdint>
#include <string>

namespace vigil::format {

// "03:12:44", or "2026-11-19 03:12:44".
std::string format_time(int64_t unix_ns, int64_t now_unix_ns);

// "at 03:12:44", or "on 2026-11-19 at 03:12:44".
std::string format_at_time(int64_t unix_ns, int64_t now_unix_ns);

// "12:01:03", "12:01:03–04", "12:01:03–12:04:05", with dates if needed.
std::string format_range(int64_t from_unix_ns, int64_t to_unix_ns, int64_t now_unix_ns);

}  // namespace vigil::format
