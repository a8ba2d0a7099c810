// SPDX-License-Identifier: Apache-2.0
// How long deaths are kept on this machine, and which of them a server gets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "model/death.h"

namespace vigil::apps {

struct Keep {
    uint64_t bytes = 256 << 20;
    uint64_t ns = uint64_t{7} * 24 * 3600 * ns_per_s;
};

// The value of --keep: "256M,7d", "256M" or "7d"; the default where it was not given.
Result<Keep> parse_keep(const std::optional<std::string>& text);

constexpr const char* keep_help = "Deaths are kept up to this size, and so long [256M,7d]";

enum class DeathsSent : uint8_t { abnormal, all, none };

// The value of --deaths.
Result<DeathsSent> parse_deaths(const std::optional<std::string>& text);

constexpr const char* deaths_help =
    "Deaths that the server gets: abnormal (by a signal, or with an exit code that is not 0), all "
    "or none [abnormal]";

inline bool is_sent(DeathsSent which, const model::Death& death) {
    return which == DeathsSent::all || (which == DeathsSent::abnormal && death.is_abnormal());
}

}  // namespace vigil::apps
