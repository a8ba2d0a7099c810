// SPDX-License-Identifier: Apache-2.0
#include "cli/retention_options.h"

#include <fmt/format.h>

#include <string_view>

#include "base/text.h"
#include "base/units.h"

namespace vigil::cli {
namespace {

constexpr uint64_t min_limit_bytes = 1 << 20;
constexpr uint64_t max_limit_bytes = 1ULL << 40;
constexpr uint64_t min_age_ns = 60 * ns_per_s;

}  // namespace

Result<deaths::Retention> parse_retention(const std::optional<std::string>& text) {
    deaths::Retention retention;
    if (!text) {
        return retention;
    }
    const auto wrong = [&] {
        return usage_error(fmt::format(
            "--keep '{}': expected a size from 1M to 1T, a time from 1m to 366d, or both: 256M,7d",
            escape_terminal(*text)));
    };
    std::string_view rest = *text;
    bool has_size = false;
    bool has_time = false;
    while (!rest.empty()) {
        const std::string_view part = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
        // "7m" is a time, "7M" a size.
        const auto time = parse_duration_ns(part);
        const auto size = parse_size_bytes(part);
        if (time && !has_time && *time >= min_age_ns) {
            retention.max_age_ns = *time;
            has_time = true;
        } else if (!time && size && !has_size && *size >= min_limit_bytes &&
                   *size <= max_limit_bytes) {
            retention.max_bytes = *size;
            has_size = true;
        } else {
            return wrong();
        }
    }
    return has_size || has_time ? Result<deaths::Retention>(retention)
                                : Result<deaths::Retention>(wrong());
}

Result<deaths::DeathForwarding> parse_death_forwarding(const std::optional<std::string>& text) {
    if (!text || *text == "abnormal") {
        return deaths::DeathForwarding::abnormal;
    }
    if (*text == "all" || *text == "none") {
        return *text == "all" ? deaths::DeathForwarding::all : deaths::DeathForwarding::none;
    }
    return usage_error(
        fmt::format("--deaths '{}': expected abnormal, all or none", escape_terminal(*text)));
}

}  // namespace vigil::cli
