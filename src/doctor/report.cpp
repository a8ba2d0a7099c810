// SPDX-License-Identifier: Apache-2.0
#include "doctor/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace vigil::doctor {
namespace {

constexpr std::array<std::string_view, 3> status_names{"ok", "missing", "info"};

std::string verdict(const DoctorReport& report) {
    return report.blocker().empty() ? "vigil can trace here."
                                    : "vigil can't trace here: " + report.blocker();
}

}  // namespace

std::string to_text(const DoctorReport& report, bool use_color) {
    constexpr std::array<std::string_view, 3> colors{"\033[32m", "\033[31m", "\033[36m"};
    const auto paint = [&](std::string_view code, std::string_view text) {
        return use_color ? fmt::format("{}{}\033[0m", code, text) : std::string(text);
    };
    size_t width = 0;
    for (const Check& check : report.checks()) {
        width = std::max(width, check.name.size());
    }
    std::string out;
    std::string_view section;
    std::string_view last_fix;
    for (const Check& check : report.checks()) {
        if (check.section != section) {
            section = check.section;
            out += fmt::format("{}{}\n", out.empty() ? "" : "\n", paint("\033[1m", section));
        }
        const auto status = static_cast<size_t>(check.status);
        const std::string mark = fmt::format("{:<7}", status_names[status]);
        std::string line = fmt::format("  {}  {:<{}}  ", paint(colors[status], mark), check.name,
                                       check.value.empty() ? 0 : width);
        append_escaped(line, check.value);
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
        const auto indented = [&](std::string_view label, std::string_view text) {
            if (!text.empty()) {
                out += fmt::format("           {}", label);
                append_escaped(out, text);
                out += '\n';
            }
        };
        indented("effect: ", check.effect);
        indented("fix:    ", check.fix == last_fix && !last_fix.empty() ? "the same" : check.fix);
        last_fix = check.fix;
    }
    out += '\n';
    append_escaped(out, verdict(report));
    out += '\n';
    return out;
}

std::string to_json(const DoctorReport& report) {
    std::string out = fmt::format("{{\"can_trace\":{},\"checks\":[", report.blocker().empty());
    std::string_view separator;
    const auto member = [&](std::string_view before, std::string_view value) {
        out += before;
        if (value.empty()) {
            out += "null";
        } else {
            append_json_string(out, value);
        }
    };
    for (const Check& check : report.checks()) {
        out += std::exchange(separator, ",");
        member("{\"section\":", check.section);
        member(",\"name\":", check.name);
        member(",\"status\":", status_names[static_cast<size_t>(check.status)]);
        member(",\"value\":", check.value);
        member(",\"effect\":", check.effect);
        member(",\"fix\":", check.fix);
        out += '}';
    }
    out += "]}\n";
    return out;
}

}  // namespace vigil::doctor
