// SPDX-License-Identifier: Apache-2.0
#include "format/violation.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "base/text.h"
#include "base/units.h"
#include "format/arguments.h"
#include "model/sample.h"

namespace vigil::format {
namespace {

using model::Violation;
using model::ViolationState;

// Fits values such as "102,400.0 MB/s"; longer ones shift the rest of the line.
constexpr int value_width = 11;
constexpr int limit_width = 16;

std::string_view title(const Violation& violation) {
    switch (violation.state) {
        case ViolationState::raised:
            return "RAISED ";
        case ViolationState::ongoing:
            return "ongoing";
        case ViolationState::cleared:
            break;
    }
    return "cleared";
}

// A violation that was cleared may have been above the limit to its end: it no longer is.
std::string_view relation(const Violation& violation) {
    if (!violation.value) {
        return "limit";
    }
    const bool beyond = *violation.value > violation.limit;
    return !beyond ? "<=" : violation.state == ViolationState::cleared ? "was >" : ">";
}

}  // namespace

std::string format_value(double value, double limit) {
    constexpr int max_decimals = 9;
    std::string text;
    for (int decimals = std::abs(value) < 1000 ? 1 : 0; decimals <= max_decimals; decimals++) {
        text = fmt::format("{:.{}f}", value, decimals);
        if ((std::strtod(text.c_str(), nullptr) > limit) == (value > limit)) {
            break;
        }
    }
    return text;
}

void append_violation(std::string& out, const model::Event& event) {
    const auto& violation = std::get<Violation>(event.body);
    const model::MetricInfo& metric = model::metrics()[model::index(violation.metric)];
    auto to = std::back_inserter(out);
    const auto text_of = [&](double value) { return format_value(value, violation.limit); };
    const std::string value =
        violation.value ? fmt::format("{} {}", text_of(*violation.value), metric.unit) : "-";
    const std::string limit =
        fmt::format("{} {} {}", relation(violation), violation.limit, metric.unit);
    fmt::format_to(to, "{}  {:<7} {:>{}} {:<{}}  ", title(violation), metric.name, value,
                   value_width, limit, limit_width);
    append_escaped(out, event.process.comm.view());
    fmt::format_to(to, " (pid {}", event.process.pid);
    if (violation.user) {
        out += ", ";
        append_escaped(out, *violation.user);
    }
    out += ')';
    if (violation.state != ViolationState::raised) {
        fmt::format_to(to, "  {} {}, peak {}, mean {}{}",
                       violation.state == ViolationState::ongoing ? "for" : "after",
                       human_duration(violation.duration_ns), text_of(violation.peak),
                       text_of(violation.mean), violation.exited ? ", process ended" : "");
    } else if (violation.exited) {
        fmt::format_to(to, "  process ended after {}", human_duration(violation.duration_ns));
    }
    if (violation.similar > 0) {
        fmt::format_to(to, ", {} more like it", violation.similar);
    }
    out += "  rule ";
    append_escaped(out, violation.rule);
    if (violation.unit) {
        out += ", unit ";
        append_escaped(out, *violation.unit);
    }
    append_command(out, violation.argv.value_or(violation.executable.value_or("")));
}

}  // namespace vigil::format
