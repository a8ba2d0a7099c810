// SPDX-License-Identifier: Apache-2.0
// Reads death records and coverage gaps back from the lines of a journal.
#pragma once

#include <memory>
#include <string_view>

#include "model/death.h"

namespace vigil::query {

using model::CoverageGap;
using model::DeathRecord;
using model::ParsedRecord;

using Ancestors = DeathRecord::Ancestors;
using model::FinalUsage;
using Killer = DeathRecord::Killer;
using LimitViolations = DeathRecord::LimitViolations;
using OutOfMemory = DeathRecord::OutOfMemory;
using PriorSignal = DeathRecord::PriorSignal;

// Keeps its buffers from line to line.
class RecordParser {
 public:
    RecordParser();
    ~RecordParser();
    RecordParser(const RecordParser&) = delete;
    RecordParser& operator=(const RecordParser&) = delete;

    // One line without its end. Nothing where it is neither of them: no JSON, another kind, or one
    // that lacks the time, pid or cause of a death, or the times of a gap. A member of another type
    // than its row has is unknown; a key without a row is ignored.
    ParsedRecord parse(std::string_view line);

 private:
    struct State;

    std::unique_ptr<State> state_;
};

}  // namespace vigil::query
