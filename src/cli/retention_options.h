// SPDX-License-Identifier: Apache-2.0
// The options --keep and --deaths of every command that records deaths.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "deaths/retention.h"

namespace vigil::cli {

// Parses the value of --keep: "256M,7d", "256M" or "7d". Returns the default without a value.
Result<deaths::Retention> parse_retention(const std::optional<std::string>& text);

constexpr const char* retention_help = "Deaths are kept up to this size, and so long [256M,7d]";

// Parses the value of --deaths. Returns the default without a value.
Result<deaths::DeathForwarding> parse_death_forwarding(const std::optional<std::string>& text);

constexpr const char* death_forwarding_help =
    "Deaths that the server gets: abnormal (by a signal, or with an exit code that is not 0), all "
    "or none [abnormal]";

}  // namespace vigil::cli
