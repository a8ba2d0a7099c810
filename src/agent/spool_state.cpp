// SPDX-License-Identifier: Apache-2.0
#include "agent/spool_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/units.h"
#include "journal/segments.h"
#include "wire/protocol.h"

namespace vigil::agent {
namespace {

constexpr std::string_view title = "vigil spool 1 ";
constexpr std::string_view loss_title = "lost ";
// More lines than any agent writes: a larger number means damage.
constexpr uint64_t max_acknowledged = journal::max_sequence / 2;

void append_loss(std::string& text, const SpoolLoss& loss, uint64_t report_sequence) {
    text += fmt::format("{}{} {} {} {}\n", loss_title, loss.count,
                        std::max<int64_t>(loss.from_unix_ns, 0),
                        std::max<int64_t>(loss.to_unix_ns, 0), report_sequence);
}

// Count, from, to, and the sequence of the line that reports the loss; 0 if none does.
void parse_loss(SpoolState& state, std::string_view line) {
    std::array<uint64_t, 4> numbers{};
    for (uint64_t& number : numbers) {
        const size_t end = std::min(line.find(' '), line.size());
        const auto parsed = parse_number(line.substr(0, end), 0, INT64_MAX);
        if (!parsed) {
            return;
        }
        number = *parsed;
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    const SpoolLoss loss{.count = numbers[0],
                         .from_unix_ns = static_cast<int64_t>(numbers[1]),
                         .to_unix_ns = static_cast<int64_t>(numbers[2])};
    state.pending_report_sequence = std::max(state.pending_report_sequence, numbers[3]);
    merge(numbers[3] == 0 ? state.loss : state.pending_report, loss);
}

}  // namespace

void merge(std::optional<SpoolLoss>& into, const SpoolLoss& loss) {
    if (!into) {
        into = loss;
        return;
    }
    into->count += loss.count;
    into->from_unix_ns = std::min(into->from_unix_ns, loss.from_unix_ns);
    into->to_unix_ns = std::max(into->to_unix_ns, loss.to_unix_ns);
}

std::string format_state(const SpoolState& state) {
    std::string text = fmt::format("{}{}\n", title, state.acknowledged);
    if (state.pending_report) {
        append_loss(text, *state.pending_report, state.pending_report_sequence);
    }
    if (state.loss) {
        append_loss(text, *state.loss, 0);
    }
    for (const SpoolEpoch& epoch : state.epochs) {
        text += fmt::format("{} {}\n", epoch.journal, epoch.first_sequence);
    }
    return text;
}

SpoolState parse_state(std::string_view text) {
    SpoolState state;
    const auto next_line = [&] {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        return line;
    };
    const std::string_view first = next_line();
    const auto acknowledged = first.starts_with(title)
                                  ? parse_number(first.substr(title.size()), 0, max_acknowledged)
                                  : Result<uint64_t>(0);
    state.acknowledged = acknowledged ? *acknowledged : 0;
    while (!text.empty()) {
        const std::string_view line = next_line();
        if (line.starts_with(loss_title)) {
            parse_loss(state, line.substr(loss_title.size()));
            continue;
        }
        const size_t space = std::min(line.find(' '), line.size());
        const auto sequence =
            parse_number(line.substr(std::min(space + 1, line.size())), 1, INT64_MAX);
        const bool rises =
            sequence && (state.epochs.empty() || state.epochs.back().first_sequence < *sequence);
        if (!wire::is_uuid(line.substr(0, space)) || !rises) {
            state.epochs.clear();
            break;
        }
        state.epochs.push_back({std::string(line.substr(0, space)), *sequence});
    }
    return state;
}

}  // namespace vigil::agent
