// SPDX-License-Identifier: Apache-2.0
#include "format/death.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <iterator>

#include "base/text.h"
#include "base/units.h"
#include "format/arguments.h"
#include "model/death.h"
#include "model/signals.h"

namespace vigil::format {
namespace {

using model::Death;

// Wide enough for "SIGVTALRM" and "exit 255".
constexpr int end_width = 9;

std::string end_of(const Death& death) {
    return death.signal != 0 ? std::string(model::signal_name(death.signal))
                             : fmt::format("exit {}", death.exit.code());
}

void append_source(std::string& out, const Death& death) {
    if (death.killer) {
        out += "  by ";
        append_escaped(out, death.killer->comm.view());
        fmt::format_to(std::back_inserter(out), FMT_COMPILE(" (pid {}"), death.killer->pid);
        if (death.killer->user) {
            out += ", ";
            append_escaped(out, *death.killer->user);
        }
        out += ')';
    } else if (death.source) {
        fmt::format_to(std::back_inserter(out), FMT_COMPILE("  by {}"), to_string(*death.source));
    }
}

}  // namespace

void append_death(std::string& out, const model::Event& event) {
    const Death& death = *std::get<const Death*>(event.body);
    auto to = std::back_inserter(out);
    fmt::format_to(to, FMT_COMPILE("DIED     {:<{}} "), end_of(death), end_width);
    append_escaped(out, event.process.comm.view());
    fmt::format_to(to, FMT_COMPILE(" (pid {}"), event.process.pid);
    if (death.user) {
        out += ", ";
        append_escaped(out, *death.user);
    }
    out += ')';
    append_source(out, death);
    fmt::format_to(to, FMT_COMPILE("  after {}, CPU {}"), human_duration(death.exit.lifetime_ns),
                   human_duration(death.exit.cpu_ns));
    if (death.exit.peak_rss_bytes && !death.exit.peak_rss_at_most) {
        fmt::format_to(to, FMT_COMPILE(", peak {}"), human_size(*death.exit.peak_rss_bytes));
    }
    if (death.unit) {
        out += ", unit ";
        append_escaped(out, *death.unit);
    }
    append_command(out, death.argv.value_or(death.executable.value_or("")));
}

}  // namespace vigil::format
