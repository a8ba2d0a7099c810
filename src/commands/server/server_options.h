// SPDX-License-Identifier: Apache-2.0
// The options of `vigil server`, read and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/arguments.h"
#include "server/options.h"

namespace vigil::commands {

using ParsedServer = cli::ParseResult<server::Options>;

// The value of --keep-bytes; `otherwise` where it was not given.
Result<uint64_t> parse_log_bytes(const std::optional<std::string>& text, uint64_t otherwise);

ParsedServer parse_server(const cli::Arguments& arguments);

}  // namespace vigil::commands
