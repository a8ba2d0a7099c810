// SPDX-License-Identifier: Apache-2.0
#include "format/violation.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <cmath>
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
constexpr int limit_width = 13;

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

// One decimal below 1,000, none above.
std::string format_value(double value) {
    return std::abs(value) < 1000 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

}  // namespace

void append_violation(std::string& out, const model::Event& event) {
    const auto& violation = std::get<Violation>(event.body);
    const model::MetricInfo& metric = model::metrics()[model::index(violation.metric)];
    auto to = std::back_inserter(out);
    const bool beyond = violation.value && *violation.value > violation.limit;
    const std::string value =
        violation.value ? fmt::format("{} {}", format_value(*violation.value), metric.unit) : "-";
    const char* relation = !violation.value ? "?" : beyond ? ">" : "<=";
    const std::string limit = fmt::format("{} {} {}", relation, violation.limit, metric.unit);
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
                       human_duration(violation.duration_ns), format_value(violation.peak),
                       format_value(violation.mean), violation.exited ? ", process ended" : "");
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
