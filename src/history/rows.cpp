// SPDX-License-Identifier: Apache-2.0
#include "history/rows.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/ansi.h"
#include "base/text.h"
#include "base/units.h"
#include "history/ending.h"
#include "history/moment.h"
#include "history/sieve.h"

namespace vigil::history {
namespace {

constexpr size_t longest_name = 15;
constexpr size_t longest_user = 16;

std::string size(std::optional<uint64_t> bytes) { return bytes ? spoken_size(*bytes) : "-"; }
std::string duration(std::optional<uint64_t> ns) { return ns ? spoken_duration(*ns) : "-"; }

std::string user_of(const Certificate& certificate) {
    return certificate.user  ? printable(*certificate.user)
           : certificate.uid ? std::to_string(*certificate.uid)
                             : "-";
}

// Who or what ended it, and the unit that it ran in.
std::string context_of(const Certificate& certificate) {
    std::string text;
    if (was_sent(certificate)) {
        const Killer& killer = certificate.killer;
        text = "by " + printable(killer.comm) + " (" + std::to_string(*killer.pid) +
               (killer.user ? ", " + printable(*killer.user) : "") + ')';
    } else if (certificate.source && certificate.cause == model::Cause::signal) {
        text = "by " + std::string(to_string(*certificate.source));
    }
    if (certificate.unit) {
        text += (text.empty() ? "" : ", ") + printable(*certificate.unit);
    }
    return text;
}

struct Column {
    std::string_view title;
    bool right;
    std::string (*cell)(const Certificate&, int64_t now_unix_ns);
};

constexpr size_t ended_column = 4;
constexpr std::array table{
    Column{"TIME", false,
           [](const Certificate& c, int64_t now) { return moment(*c.unix_ns, now); }},
    Column{"PID", true, [](const Certificate& c, int64_t) { return std::to_string(*c.pid); }},
    Column{
        "NAME", false,
        [](const Certificate& c, int64_t) { return fit_columns(printable(c.comm), longest_name); }},
    Column{"USER", false,
           [](const Certificate& c, int64_t) { return fit_columns(user_of(c), longest_user); }},
    Column{"ENDED", false, [](const Certificate& c, int64_t) { return short_ending(c); }},
    Column{"LIVED", true,
           [](const Certificate& c, int64_t) { return duration(c.bill.lifetime_ns); }},
    Column{"CPU", true, [](const Certificate& c, int64_t) { return duration(c.bill.cpu_ns); }},
    Column{"PEAK", true, [](const Certificate& c, int64_t) { return size(c.bill.peak_rss_bytes); }},
    Column{"DISK", true,
           [](const Certificate& c, int64_t) {
               return size(sum(c.bill.read_bytes, c.bill.write_bytes));
           }},
    Column{"NETWORK", true,
           [](const Certificate& c, int64_t) {
               return size(sum(c.bill.received_bytes, c.bill.sent_bytes));
           }},
    Column{"BY, UNIT", false, [](const Certificate& c, int64_t) { return context_of(c); }},
};

using Cells = std::array<std::string, table.size()>;

// A code point is taken for a column.
size_t width_of(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string_view shade_of(const Certificate& certificate) {
    return certificate.cause != model::Cause::exit ? ansi::red
           : certificate.is_abnormal()             ? ansi::yellow
                                                   : std::string_view();
}

void append_row(std::string& out, const Cells& cells,
                const std::array<size_t, table.size()>& widths, const RowStyle& style,
                std::string_view shade, bool is_header) {
    std::string line;
    for (size_t i = 0; i < cells.size(); i++) {
        const std::string gap(widths[i] - width_of(cells[i]), ' ');
        const bool shaded = style.colour && !shade.empty() && (is_header || i == ended_column);
        line += i > 0 ? "  " : "";
        line += table[i].right ? gap : "";
        line += (shaded ? std::string(shade) : "") + cells[i] +
                (shaded ? std::string(ansi::plain) : "");
        line += table[i].right ? "" : gap;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += (style.columns > 0 ? fit_columns(line, style.columns) : line) + '\n';
}

}  // namespace

std::string rows(const std::vector<Found>& deaths, const RowStyle& style) {
    std::vector<Cells> all(1);
    for (size_t i = 0; i < table.size(); i++) {
        all[0][i] = table[i].title;
    }
    for (const Found& death : deaths) {
        Cells& cells = all.emplace_back();
        for (size_t i = 0; i < table.size(); i++) {
            cells[i] = table[i].cell(death.certificate, style.now_unix_ns);
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
        append_row(out, all[i + 1], widths, style, shade_of(deaths[i].certificate), false);
    }
    return out;
}

}  // namespace vigil::history
