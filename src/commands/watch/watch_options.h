// SPDX-License-Identifier: Apache-2.0
// The parsed options of `vigil watch`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "cli/arguments.h"

namespace vigil::commands {

struct WatchRequest {
    std::string configuration;  // path
    uint64_t interval_ns = ns_per_s;
    std::optional<std::string> log;  // path: JSON lines are appended
    bool json = false;               // on standard output too
};

using ParsedWatch = cli::ParseResult<WatchRequest>;

ParsedWatch parse_watch(const cli::Arguments& arguments);

}  // namespace vigil::commands
