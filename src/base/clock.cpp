// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <fmt/compile.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <ctime>
#include <iterator>
#include <sstream>

#include "base/file.h"

namespace vigil {
namespace {

uint64_t read_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * ns_per_s + static_cast<uint64_t>(now.tv_nsec);
}

struct Split {
    int64_t second;
    uint64_t rest_ns;  // always below one second, also before 1970
};

Split split(int64_t unix_ns) {
    constexpr auto second_ns = static_cast<int64_t>(ns_per_s);
    int64_t second = unix_ns / second_ns;
    int64_t rest = unix_ns % second_ns;
    if (rest < 0) {
        second -= 1;
        rest += second_ns;
    }
    return {second, static_cast<uint64_t>(rest)};
}

}  // namespace

// Lines of a clock's name or number, seconds, and nanoseconds.
int64_t parse_boot_offset_ns(std::string_view text) {
    const std::string copy(text);
    std::istringstream lines(copy);
    std::string clock;
    int64_t seconds = 0;
    int64_t ns = 0;
    while (lines >> clock >> seconds >> ns) {
        if (clock == "boottime" || clock == "7") {
            return seconds * static_cast<int64_t>(ns_per_s) + ns;
        }
    }
    return 0;
}

int64_t boot_clock_offset_ns() {
    static const int64_t offset = [] {
        // The offsets are those of the children's namespace.
        struct stat own {};
        struct stat of_children {};
        const auto offsets = read_file("/proc/self/timens_offsets", 4096);
        const bool same = ::stat("/proc/self/ns/time", &own) == 0 &&
                          ::stat("/proc/self/ns/time_for_children", &of_children) == 0 &&
                          own.st_ino == of_children.st_ino;
        return offsets && same ? parse_boot_offset_ns(*offsets) : int64_t{0};
    }();
    return offset;
}

uint64_t boot_now_ns() {
    return read_ns(CLOCK_BOOTTIME) - static_cast<uint64_t>(boot_clock_offset_ns());
}

int64_t unix_now_ns() { return static_cast<int64_t>(read_ns(CLOCK_REALTIME)); }

int64_t unix_minus_boot_ns() {
    return static_cast<int64_t>(read_ns(CLOCK_REALTIME)) - static_cast<int64_t>(boot_now_ns());
}

// timegm(3) normalizes fields that are out of range, so its result is compared with the input.
std::optional<int64_t> parse_utc(std::string_view text) {
    constexpr size_t micros = sizeof "2026-11-20T22:33:49." - 1;
    const std::string copy(text);
    tm parts{};
    const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (text.size() != micros + sizeof "123456Z" - 1 || rest != copy.c_str() + micros - 1 ||
        copy[micros - 1] != '.' || copy.back() != 'Z') {
        return std::nullopt;
    }
    int64_t us = 0;
    for (const char c : copy.substr(micros, 6)) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        us = us * 10 + (c - '0');
    }
    const int64_t second = ::timegm(&parts);
    constexpr int64_t max_seconds = INT64_MAX / static_cast<int64_t>(ns_per_s) - 1;
    if (second < -max_seconds || second > max_seconds) {
        return std::nullopt;  // before 1678 or after 2261
    }
    const int64_t unix_ns =
        second * static_cast<int64_t>(ns_per_s) + us * static_cast<int64_t>(ns_per_us);
    std::string again;
    TimeFormat().append_utc(again, unix_ns);
    return again == text ? std::optional(unix_ns) : std::nullopt;
}

void TimeFormat::append_utc(std::string& out, int64_t unix_ns) {
    const Split time = split(unix_ns);
    if (time.second != utc_second_) {
        const time_t second = time.second;
        tm parts{};
        ::gmtime_r(&second, &parts);
        std::strftime(utc_, sizeof utc_, "%Y-%m-%dT%H:%M:%S", &parts);
        utc_second_ = time.second;
    }
    // Formatted by hand: fmt would take most of a long line's time here.
    char fraction[] = ".000000Z";
    uint64_t rest = time.rest_ns / ns_per_us;
    for (char* digit = fraction + 6; rest != 0; digit--, rest /= 10) {
        *digit = static_cast<char>('0' + rest % 10);
    }
    out += utc_;
    out.append(fraction, sizeof fraction - 1);
}

void TimeFormat::append_local(std::string& out, int64_t unix_ns) {
    const Split time = split(unix_ns);
    if (time.second != local_second_) {
        const time_t second = time.second;
        tm parts{};
        ::localtime_r(&second, &parts);
        std::strftime(local_, sizeof local_, "%H:%M:%S", &parts);
        local_second_ = time.second;
    }
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}.{:03}"), local_,
                   time.rest_ns / ns_per_ms);
}

}  // namespace vigil
