// SPDX-License-Identifier: Apache-2.0
// Time: nanoseconds of CLOCK_BOOTTIME internally, wall-clock text in output.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vigil {

constexpr uint64_t ns_per_us = 1'000;
constexpr uint64_t ns_per_ms = 1'000'000;
constexpr uint64_t ns_per_s = 1'000'000'000;

// Nanoseconds since boot, including suspend; the clock of all records. In a time namespace too,
// where CLOCK_BOOTTIME is another one.
uint64_t boot_now_ns();

// How far CLOCK_BOOTTIME of this process is ahead of the kernel's: not 0 in a time namespace
// (time_namespaces(7)).
int64_t boot_clock_offset_ns();

// The boottime offset in the text of /proc/PID/timens_offsets; 0 if there is none.
int64_t parse_boot_offset_ns(std::string_view text);

// Offset from a time since boot to one since the Unix epoch. It changes when the wall clock is set:
// read it again for each batch.
int64_t unix_minus_boot_ns();

// The wall clock: nanoseconds since the Unix epoch.
int64_t unix_now_ns();

// Wraps around instead of overflowing: the times come from untrusted bytes.
constexpr int64_t to_unix_ns(uint64_t boot_ns, int64_t offset_ns) {
    return static_cast<int64_t>(boot_ns + static_cast<uint64_t>(offset_ns));
}

// Nanoseconds since the Unix epoch of "2026-11-20T22:33:49.123456Z", the format of TimeFormat.
std::optional<int64_t> parse_utc(std::string_view text);

// Formats times. Caches the text of the last second, because events come in bursts.
class TimeFormat {
 public:
    // Appends "2026-11-20T22:33:49.123456Z" (RFC 3339, UTC, microseconds).
    void append_utc(std::string& out, int64_t unix_ns);
    // Appends "22:33:49.123" (local time, milliseconds).
    void append_local(std::string& out, int64_t unix_ns);

 private:
    int64_t utc_second_ = INT64_MIN;
    int64_t local_second_ = INT64_MIN;
    char utc_[sizeof "2026-11-20T22:33:49"] = {};
    char local_[sizeof "22:33:49"] = {};
};

}  // namespace vigil
