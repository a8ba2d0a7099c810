// SPDX-License-Identifier: Apache-2.0
// The options --keep and --deaths.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "deaths/retention.h"

namespace vigil::apps {

using Keep = deaths::Retention;

// The value of --keep: "256M,7d", "256M" or "7d"; the default where it was not given.
Result<Keep> parse_keep(const std::optional<std::string>& text);

constexpr const char* keep_help = "Deaths are kept up to this size, and so long [256M,7d]";

using DeathsSent = deaths::DeathForwarding;

// The value of --deaths.
Result<DeathsSent> parse_deaths(const std::optional<std::string>& text);

constexpr const char* deaths_help =
    "Deaths that the server gets: abnormal (by a signal, or with an exit code that is not 0), all "
    "or none [abnormal]";

}  // namespace vigil::apps
