// SPDX-License-Identifier: Apache-2.0
// A server's log as a stranger reads it: by docs/journal.md, with nothing of the project's own.
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
    int64_t number = -1;  // of a line that a test has numbered
    std::string text;
};

struct ServerLog {
    std::vector<LogLine> lines;
    size_t segments = 0;

    std::vector<LogLine> of(const std::string& kind) const;
    // How often each numbered line stands there.
    std::map<int64_t, int> numbers(const std::string& agent = "") const;
    // Sum of the counts of the loss events with this place.
    uint64_t lost(const std::string& place) const;
};

// All lines there are, the oldest first. Fails the test where one is no JSON object, has no origin,
// stands there twice (by its origin) or out of its journal's order, or where the names of the
// segments don't tell how many lines are in them. A line that is being written is left out.
ServerLog read_log(const std::string& path);

// Lines that the numbers of a journal promise and the log does not hold: before the last one.
uint64_t missing(const ServerLog& log);

}  // namespace vigil::tests
