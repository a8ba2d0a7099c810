// SPDX-License-Identifier: Apache-2.0
#include "format/time.h"

#include <array>
#include <ctime>

#include "base/clock.h"

namespace vigil::format {
namespace {

std::string strftime_local(const char* format, int64_t unix_ns) {
    constexpr auto second_ns = static_cast<int64_t>(ns_per_s);
    const time_t second = unix_ns / second_ns - (unix_ns % second_ns < 0 ? 1 : 0);
    tm parts{};
    ::localtime_r(&second, &parts);
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

std::string local_date(int64_t unix_ns) { return strftime_local("%Y-%m-%d", unix_ns); }
std::string local_time(int64_t unix_ns) { return strftime_local("%H:%M:%S", unix_ns); }

}  // namespace

std::string format_time(int64_t unix_ns, int64_t now_unix_ns) {
    const std::string date = local_date(unix_ns);
    return (date == local_date(now_unix_ns) ? "" : date + ' ') + local_time(unix_ns);
}

std::string format_at_time(int64_t unix_ns, int64_t now_unix_ns) {
    const std::string date = local_date(unix_ns);
    return (date == local_date(now_unix_ns) ? "" : "on " + date + ' ') + "at " +
           local_time(unix_ns);
}

std::string format_range(int64_t from_unix_ns, int64_t to_unix_ns, int64_t now_unix_ns) {
    constexpr size_t seconds_at = sizeof "12:01:" - 1;
    std::string text = format_time(from_unix_ns, now_unix_ns);
    const std::string begin = local_time(from_unix_ns);
    const std::string end = local_time(to_unix_ns);
    if (local_date(from_unix_ns) != local_date(to_unix_ns)) {
        text += "–" + format_time(to_unix_ns, now_unix_ns);
    } else if (begin.substr(0, seconds_at) != end.substr(0, seconds_at)) {
        text += "–" + end;
    } else if (begin != end) {
        text += "–" + end.substr(seconds_at);
    }
    return text;
}

}  // namespace vigil::format
