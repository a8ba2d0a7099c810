// SPDX-License-Identifier: Apache-2.0
// The parsed options of `vigil server`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/arguments.h"
#include "server/options.h"

namespace vigil::commands {

using ParsedServer = cli::ParseResult<server::Options>;

// Parses the value of --keep-bytes; `otherwise` is the default.
Result<uint64_t> parse_log_bytes(const std::optional<std::string>& text, uint64_t otherwise);

ParsedServer parse_server(const cli::Arguments& arguments);

}  // namespace vigil::commands
