// SPDX-License-Identifier: Apache-2.0
#include "history/moment.h"

#include <array>
#include <ctime>

#include "base/clock.h"

namespace vigil::history {
namespace {

std::string local(const char* format, int64_t unix_ns) {
    constexpr auto second_ns = static_cast<int64_t>(ns_per_s);
    const time_t second = unix_ns / second_ns - (unix_ns % second_ns < 0 ? 1 : 0);
    tm parts{};
    ::localtime_r(&second, &parts);
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

std::string day(int64_t unix_ns) { return local("%Y-%m-%d", unix_ns); }
std::string clock(int64_t unix_ns) { return local("%H:%M:%S", unix_ns); }

}  // namespace

std::string moment(int64_t unix_ns, int64_t now_unix_ns) {
    const std::string date = day(unix_ns);
    return (date == day(now_unix_ns) ? "" : date + ' ') + clock(unix_ns);
}

std::string at_moment(int64_t unix_ns, int64_t now_unix_ns) {
    const std::string date = day(unix_ns);
    return (date == day(now_unix_ns) ? "" : "on " + date + ' ') + "at " + clock(unix_ns);
}

std::string span(int64_t from_unix_ns, int64_t to_unix_ns, int64_t now_unix_ns) {
    constexpr size_t seconds_at = sizeof "12:01:" - 1;
    std::string text = moment(from_unix_ns, now_unix_ns);
    const std::string begin = clock(from_unix_ns);
    const std::string end = clock(to_unix_ns);
    if (day(from_unix_ns) != day(to_unix_ns)) {
        text += "–" + moment(to_unix_ns, now_unix_ns);
    } else if (begin.substr(0, seconds_at) != end.substr(0, seconds_at)) {
        text += "–" + end;
    } else if (begin != end) {
        text += "–" + end.substr(seconds_at);
    }
    return text;
}

}  // namespace vigil::history
