// SPDX-License-Identifier: Apache-2.0
#include "base/time_spec.h"

#include <fmt/format.h>

#include <ctime>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"

namespace vigil {
namespace {

constexpr auto second_ns = static_cast<int64_t>(ns_per_s);

// True if the whole text has this form. strptime(3) also accepts blanks and single digits, so its
// result is formatted again and compared.
bool matches_format(const char* format, const std::string& text, tm& parts) {
    tm read = parts;
    const char* end = ::strptime(text.c_str(), format, &read);
    if (end == nullptr || end != text.c_str() + text.size()) {
        return false;
    }
    char again[sizeof "2026-11-20 12:30:15"];
    if (std::strftime(again, sizeof again, format, &read) == 0 || again != text) {
        return false;
    }
    parts = read;
    return true;
}

std::optional<int64_t> parse_local(const std::string& text, int64_t now_unix_ns) {
    const time_t now = now_unix_ns / second_ns;
    tm today{};
    ::localtime_r(&now, &today);
    today.tm_hour = today.tm_min = today.tm_sec = 0;
    for (const char* format :
         {"%H:%M", "%H:%M:%S", "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"}) {
        tm parts = today;
        if (!matches_format(format, text, parts)) {
            continue;
        }
        parts.tm_isdst = -1;
        const int day = parts.tm_mday;
        const bool is_leap_second = parts.tm_sec > 59;
        const time_t second = ::mktime(&parts);
        constexpr time_t max_second = INT64_MAX / second_ns - 1;
        // strptime(3) accepts day 31 in every month.
        const bool is_time =
            parts.tm_mday == day && !is_leap_second && second > -max_second && second < max_second;
        return is_time ? std::optional(second * second_ns) : std::nullopt;
    }
    return std::nullopt;
}

// RFC 3339 with 0 to 6 decimals.
std::optional<int64_t> parse_rfc3339(std::string text) {
    constexpr size_t seconds_end = sizeof "2026-11-20T12:30:15" - 1;
    if (text.size() <= seconds_end || text.back() != 'Z') {
        return std::nullopt;
    }
    text.pop_back();
    if (text.size() == seconds_end) {
        text += ".0";
    }
    if (text.back() != '.') {
        text.resize(std::max(text.size(), seconds_end + sizeof ".123456" - 1), '0');
    }
    return parse_utc(text + 'Z');
}

}  // namespace

Result<int64_t> parse_time_spec(std::string_view text, int64_t now_unix_ns) {
    if (const auto back = parse_duration_ns(text)) {
        return now_unix_ns - static_cast<int64_t>(*back);
    }
    const std::string copy(text);
    if (const auto local = parse_local(copy, now_unix_ns)) {
        return *local;
    }
    if (const auto utc = parse_rfc3339(copy)) {
        return *utc;
    }
    return usage_error(
        fmt::format("'{}': expected 1h (an hour ago), 12:30, 2026-11-20, "
                    "\"2026-11-20 12:30\" or 2026-11-20T12:30:00Z",
                    escape_terminal(text)));
}

}  // namespace vigil
