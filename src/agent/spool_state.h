// SPDX-License-Identifier: Apache-2.0
// What a spool keeps beside its lines: a small text file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vigil::agent {

// Lines that had to go before they were acknowledged.
struct SpoolLoss {
    uint64_t count = 0;
    int64_t from_unix_ns = 0;  // time of the first one
    int64_t to_unix_ns = 0;
};

// The lines of one start of the agent, up to those of the next one.
struct SpoolEpoch {
    std::string journal;  // UUID
    uint64_t first_sequence = 0;
};

struct SpoolState {
    uint64_t acknowledged = 0;       // up to this sequence; also what was given up
    std::vector<SpoolEpoch> epochs;  // oldest first
    std::optional<SpoolLoss> loss;   // to be told
    // Told by the line with this sequence, which may not be on the disk yet. Until it is, the
    // state says so: neither is a loss forgotten where the agent is killed, nor told twice.
    std::optional<SpoolLoss> pending_report;
    uint64_t pending_report_sequence = 0;
};

void merge(std::optional<SpoolLoss>& into, const SpoolLoss& loss);

std::string format_state(const SpoolState& state);

// Of damaged text what can be read: it costs names, and what is left is sent under a new one.
SpoolState parse_state(std::string_view text);

}  // namespace vigil::agent
