// SPDX-License-Identifier: Apache-2.0
// The options of `vigil history`, read and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/commands.h"
#include "history/query.h"

namespace vigil::apps {

struct HistoryRequest {
    history::Query query;
    std::optional<std::string> state;
    bool json = false;
};

using ParsedHistory = Asked<HistoryRequest>;

// `now_unix_ns`: what times are relative to.
ParsedHistory parse_history(const Arguments& arguments, int64_t now_unix_ns);

}  // namespace vigil::apps
