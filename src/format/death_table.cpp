// SPDX-License-Identifier: Apache-2.0
#include "format/death_table.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/ansi.h"
#include "base/text.h"
#include "base/units.h"
#include "format/exit_description.h"
#include "format/time.h"
#include "query/line_filter.h"

namespace vigil::format {
namespace {

constexpr size_t max_name_columns = 15;
constexpr size_t max_user_columns = 16;

std::string size(std::optional<uint64_t> bytes) { return bytes ? human_size(*bytes) : "-"; }
std::string duration(std::optional<uint64_t> ns) { return ns ? human_duration(*ns) : "-"; }

std::string user_of(const query::DeathRecord& record) {
    return record.user  ? escape_terminal(*record.user)
           : record.uid ? std::to_string(*record.uid)
                        : "-";
}

// The killer or cause, and the unit.
std::string context_of(const query::DeathRecord& record) {
    std::string text;
    if (killed_by_process(record)) {
        const query::Killer& killer = record.killer;
        text = "by " + escape_terminal(killer.comm) + " (" + std::to_string(*killer.pid) +
               (killer.user ? ", " + escape_terminal(*killer.user) : "") + ')';
    } else if (record.source && record.cause == model::Cause::signal) {
        text = "by " + std::string(to_string(*record.source));
    }
    if (record.unit) {
        text += (text.empty() ? "" : ", ") + escape_terminal(*record.unit);
    }
    return text;
}

struct Column {
    std::string_view title;
    bool right;
    std::string (*cell)(const query::DeathRecord&, int64_t now_unix_ns);
};

constexpr size_t ended_column_index = 4;
constexpr std::array table{
    Column{"TIME", false,
           [](const query::DeathRecord& c, int64_t now) { return format_time(*c.unix_ns, now); }},
    Column{"PID", true,
           [](const query::DeathRecord& c, int64_t) { return std::to_string(*c.pid); }},
    Column{"NAME", false,
           [](const query::DeathRecord& c, int64_t) {
               return truncate_columns(escape_terminal(c.comm), max_name_columns);
           }},
    Column{"USER", false,
           [](const query::DeathRecord& c, int64_t) {
               return truncate_columns(user_of(c), max_user_columns);
           }},
    Column{"ENDED", false, [](const query::DeathRecord& c, int64_t) { return summarize_exit(c); }},
    Column{"LIVED", true,
           [](const query::DeathRecord& c, int64_t) { return duration(c.usage.lifetime_ns); }},
    Column{"CPU", true,
           [](const query::DeathRecord& c, int64_t) { return duration(c.usage.cpu_ns); }},
    Column{"PEAK", true,
           [](const query::DeathRecord& c, int64_t) { return size(c.usage.peak_rss_bytes); }},
    Column{"DISK", true,
           [](const query::DeathRecord& c, int64_t) {
               return size(query::sum(c.usage.read_bytes, c.usage.write_bytes));
           }},
    Column{"NETWORK", true,
           [](const query::DeathRecord& c, int64_t) {
               return size(query::sum(c.usage.received_bytes, c.usage.sent_bytes));
           }},
    Column{"BY, UNIT", false, [](const query::DeathRecord& c, int64_t) { return context_of(c); }},
};

using Cells = std::array<std::string, table.size()>;

// Counts each code point as one column.
size_t width_of(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string_view color_of(const query::DeathRecord& record) {
    return record.cause != model::Cause::exit ? ansi::red
           : record.is_abnormal()             ? ansi::yellow
                                              : std::string_view();
}

void append_row(std::string& out, const Cells& cells,
                const std::array<size_t, table.size()>& widths, const TableStyle& style,
                std::string_view color, bool is_header) {
    std::string line;
    for (size_t i = 0; i < cells.size(); i++) {
        const std::string gap(widths[i] - width_of(cells[i]), ' ');
        const bool colored =
            style.use_color && !color.empty() && (is_header || i == ended_column_index);
        line += i > 0 ? "  " : "";
        line += table[i].right ? gap : "";
        line += (colored ? std::string(color) : "") + cells[i] +
                (colored ? std::string(ansi::reset) : "");
        line += table[i].right ? "" : gap;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += (style.columns > 0 ? truncate_columns(line, style.columns) : line) + '\n';
}

}  // namespace

std::string death_table(const std::vector<query::Match>& deaths, const TableStyle& style) {
    std::vector<Cells> all(1);
    for (size_t i = 0; i < table.size(); i++) {
        all[0][i] = table[i].title;
    }
    for (const query::Match& match : deaths) {
        Cells& cells = all.emplace_back();
        for (size_t i = 0; i < table.size(); i++) {
            cells[i] = table[i].cell(match.record, style.now_unix_ns);
        }
    }
    std::array<size_t, table.size()> widths{};
    for (const Cells& cells : all) {
        for (size_t i = 0; i < table.size(); i++) {
            widths[i] = std::max(widths[i], width_of(cells[i]));
        }
    }
    std::string out;
    append_row(out, all[0], widths, style, ansi::dim, true);
    for (size_t i = 0; i < deaths.size(); i++) {
        append_row(out, all[i + 1], widths, style, color_of(deaths[i].record), false);
    }
    return out;
}

}  // namespace vigil::format
