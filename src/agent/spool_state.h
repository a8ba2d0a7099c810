// SPDX-License-Identifier: Apache-2.0
// The state of a spool beside its lines, in a small text file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vigil::agent {

// Lines that were dropped before they were acknowledged.
struct SpoolLoss {
    uint64_t count = 0;
    int64_t from_unix_ns = 0;  // time of the first line
    int64_t to_unix_ns = 0;
};

// The lines of one start of the agent, up to the next epoch.
struct SpoolEpoch {
    std::string journal;  // UUID
    uint64_t first_sequence = 0;
};

struct SpoolState {
    uint64_t acknowledged = 0;       // up to this sequence; includes discarded lines
    std::vector<SpoolEpoch> epochs;  // oldest first
    std::optional<SpoolLoss> loss;   // not reported yet
    // Reported by the line with this sequence, which may not be durable yet. Until it is, the state
    // keeps the loss: if the agent is killed, it is neither forgotten nor reported twice.
    std::optional<SpoolLoss> pending_report;
    uint64_t pending_report_sequence = 0;
};

void merge(std::optional<SpoolLoss>& into, const SpoolLoss& loss);

std::string format_state(const SpoolState& state);

// Reads what it can from damaged text: journal ids may be lost, and the remaining lines are then
// sent under a new one.
SpoolState parse_state(std::string_view text);

}  // namespace vigil::agent
