// SPDX-License-Identifier: Apache-2.0
// The parsed options of `vigil history`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/arguments.h"
#include "query/query.h"

namespace vigil::commands {

struct HistoryRequest {
    query::Query query;
    std::optional<std::string> state;
    bool json = false;
};

using ParsedHistory = cli::ParseResult<HistoryRequest>;

// `now_unix_ns`: base of relative times.
ParsedHistory parse_history(const cli::Arguments& arguments, int64_t now_unix_ns);

}  // namespace vigil::commands
