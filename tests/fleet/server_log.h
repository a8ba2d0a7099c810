// SPDX-License-Identifier: Apache-2.0
// An independent reader of a server's log, by docs/journal.md. It uses no code of the project.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "event.h"

namespace vigil::tests {

struct LogLine {
    std::string kind;
    std::string agent;
    std::string journal;
    uint64_t journal_sequence = 0;
    int64_t number = -1;  // number that a test gave to the line
    std::string text;
};

struct ServerLog {
    std::vector<LogLine> lines;
    size_t segments = 0;

    std::vector<LogLine> of(const std::string& kind) const;
    // Number of occurrences of each numbered line.
    std::map<int64_t, int> numbers(const std::string& agent = "") const;
    // Sum of the counts of the loss events with this `place`.
    uint64_t lost(const std::string& place) const;
};

// All lines, oldest first. Fails the test if a line is not a JSON object, has no origin, occurs
// twice (by its origin) or out of its journal's order, or if the segments' names do not match their
// numbers of lines. A line that is being written is omitted.
ServerLog read_log(const std::string& path);

// Number of lines missing in the log: gaps in a journal's sequence numbers before its last line.
uint64_t missing(const ServerLog& log);

}  // namespace vigil::tests
