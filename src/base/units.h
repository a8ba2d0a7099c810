// SPDX-License-Identifier: Apache-2.0
// Quantities as users write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vigil {

// "10s", "250ms", "5m", "2h", "1d", "1.5s" to nanoseconds. The unit is required; the value is more
// than 0 and at most 366 days.
Result<uint64_t> parse_duration_ns(std::string_view text);

// "8M", "64K", "1G", "4096" (powers of 1,024, optionally followed by "B" or "iB") to bytes.
Result<uint64_t> parse_size_bytes(std::string_view text);

// True if all characters are decimal digits, and there is one.
bool is_decimal(std::string_view text);

// A decimal integer in [low, high] without other characters.
Result<uint64_t> parse_number(std::string_view text, uint64_t low, uint64_t high);

// Appends "1.203s".
void append_seconds(std::string& out, uint64_t ns);

// For messages: "0.4 ms", "12 ms", "0.3 s", "4 min 2 s", "2 h 5 min", "3 d 4 h".
std::string human_duration(uint64_t ns);

// "1 rule", "2 rules".
std::string count_of(uint64_t count, std::string_view noun);

// For messages: "9.5 MB", "212 MB", "1.2 GB" (1 MB = 1,048,576 bytes).
std::string human_size(uint64_t bytes);

// Appends "12.3MB" (1 MB = 1,048,576 bytes) in the largest fitting unit: B, KB, MB, GB, TB.
void append_size(std::string& out, uint64_t bytes);

}  // namespace vigil
