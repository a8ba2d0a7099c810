// SPDX-License-Identifier: Apache-2.0
// The options of `vigil server`, read and checked.
#pragma once

#include <optional>

#include "apps/commands.h"
#include "server/options.h"

namespace vigil::apps {

// Either options, or the exit code where there is nothing to do (--help, wrong usage; said).
struct ParsedServer {
    std::optional<server::Options> options;
    int exit_code = 0;
};

ParsedServer parse_server(const Arguments& arguments);

}  // namespace vigil::apps
