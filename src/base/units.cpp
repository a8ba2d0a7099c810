// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <iterator>

#include "base/clock.h"

namespace vigil {
namespace {

struct Unit {
    std::string_view name;
    uint64_t factor;
};

constexpr std::array durations{
    Unit{"ns", 1},
    Unit{"us", ns_per_us},
    Unit{"ms", ns_per_ms},
    Unit{"s", ns_per_s},
    Unit{"m", 60 * ns_per_s},
    Unit{"h", 3'600 * ns_per_s},
    Unit{"d", 86'400 * ns_per_s},
};
constexpr std::array sizes{
    Unit{"", 1},           Unit{"K", 1ULL << 10}, Unit{"M", 1ULL << 20},
    Unit{"G", 1ULL << 30}, Unit{"T", 1ULL << 40},
};

// Splits "1.5s" into 1.5 and "s"; false if it does not start with a number.
bool split_number(std::string_view text, double& number, std::string_view& unit) {
    const auto [rest, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || !std::isfinite(number) || std::signbit(number)) {
        return false;
    }
    unit = text.substr(static_cast<size_t>(rest - text.data()));
    return true;
}

Error expected_error(std::string_view text, std::string_view expected) {
    return {ErrorCode::usage, fmt::format("'{}': expected {}", text, expected)};
}

constexpr std::array size_names{"B", "KB", "MB", "GB", "TB"};

struct Scaled {
    double value;
    const char* unit;
};

// In the largest unit in which the value is at least 1. The next unit starts at `full`, slightly
// below 1024, where the smaller unit would be rounded to 1024.
Scaled scaled(uint64_t bytes, double full) {
    auto value = static_cast<double>(bytes);
    size_t unit = 0;
    while (value >= (unit == 0 ? 1024 : full) && unit + 1 < size_names.size()) {
        value /= 1024;
        unit++;
    }
    return {value, size_names[unit]};
}

}  // namespace

Result<uint64_t> parse_duration_ns(std::string_view text) {
    constexpr double max_ns = 366.0 * 86'400e9;
    double number = 0;
    std::string_view name;
    if (split_number(text, number, name)) {
        for (const Unit& unit : durations) {
            const double ns = number * static_cast<double>(unit.factor);
            if (name == unit.name && ns >= 1 && ns <= max_ns) {
                return static_cast<uint64_t>(std::llround(ns));
            }
        }
    }
    return expected_error(text, "a duration such as 500ms, 10s, 5m or 2h");
}

Result<uint64_t> parse_size_bytes(std::string_view text) {
    double number = 0;
    std::string_view name;
    if (split_number(text, number, name)) {
        for (const std::string_view ending : {"iB", "B"}) {
            if (name.ends_with(ending)) {
                name.remove_suffix(ending.size());
                break;
            }
        }
        for (const Unit& unit : sizes) {
            const double bytes = number * static_cast<double>(unit.factor);
            const bool same =
                name == unit.name || (name.size() == 1 && unit.name.size() == 1 &&
                                      std::tolower(name[0]) == std::tolower(unit.name[0]));
            if (same && bytes < 0x1p62) {
                return static_cast<uint64_t>(bytes);
            }
        }
    }
    return expected_error(text, "a size such as 4096, 64K, 8M or 1G");
}

bool is_decimal(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<uint64_t> parse_number(std::string_view text, uint64_t low, uint64_t high) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < low || number > high) {
        return expected_error(text, fmt::format("a whole number from {} to {}", low, high));
    }
    return number;
}

void append_seconds(std::string& out, uint64_t ns) {
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}.{:03}s"), ns / ns_per_s,
                   ns % ns_per_s / ns_per_ms);
}

void append_size(std::string& out, uint64_t bytes) {
    const Scaled size = scaled(bytes, 1023.95);
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("{:.{}f}{}"), size.value,
                   bytes < 1024 ? 0 : 1, size.unit);
}

std::string human_size(uint64_t bytes) {
    const Scaled size = scaled(bytes, 1023.5);
    return fmt::format("{:.{}f} {}", size.value, bytes < 1024 || size.value >= 9.95 ? 0 : 1,
                       size.unit);
}

std::string count_of(uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string human_duration(uint64_t ns) {
    const uint64_t seconds = ns / ns_per_s;
    const uint64_t hours = seconds / 3600;
    if (ns > 0 && ns < 100 * ns_per_us) {
        return "< 0.1 ms";
    }
    if (ns > 0 && ns < 10 * ns_per_ms) {
        return fmt::format("{}.{} ms", ns / ns_per_ms, ns / (100 * ns_per_us) % 10);
    }
    if (ns >= 10 * ns_per_ms && ns < 100 * ns_per_ms) {
        return fmt::format("{} ms", ns / ns_per_ms);
    }
    if (seconds < 60) {
        return fmt::format("{}.{} s", seconds, ns / (100 * ns_per_ms) % 10);
    }
    if (hours == 0) {
        return fmt::format("{} min {} s", seconds / 60, seconds % 60);
    }
    return hours < 48 ? fmt::format("{} h {} min", hours, seconds / 60 % 60)
                      : fmt::format("{} d {} h", hours / 24, hours % 24);
}

}  // namespace vigil
