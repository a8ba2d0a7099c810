// SPDX-License-Identifier: Apache-2.0
#include "apps/keep_options.h"

#include <fmt/format.h>

#include <string_view>

#include "base/text.h"
#include "base/units.h"

namespace vigil::apps {
namespace {

constexpr uint64_t smallest_bytes = 1 << 20;
constexpr uint64_t largest_bytes = 1ULL << 40;
constexpr uint64_t shortest_ns = 60 * ns_per_s;

}  // namespace

Result<Keep> parse_keep(const std::optional<std::string>& text) {
    Keep keep;
    if (!text) {
        return keep;
    }
    const auto wrong = [&] {
        return usage_error(fmt::format(
            "--keep '{}': expected a size from 1M to 1T, a time from 1m to 366d, or both: 256M,7d",
            printable(*text)));
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
        if (time && !has_time && *time >= shortest_ns) {
            keep.ns = *time;
            has_time = true;
        } else if (!time && size && !has_size && *size >= smallest_bytes &&
                   *size <= largest_bytes) {
            keep.bytes = *size;
            has_size = true;
        } else {
            return wrong();
        }
    }
    return has_size || has_time ? Result<Keep>(keep) : Result<Keep>(wrong());
}

Result<DeathsSent> parse_deaths(const std::optional<std::string>& text) {
    if (!text || *text == "abnormal") {
        return DeathsSent::abnormal;
    }
    if (*text == "all" || *text == "none") {
        return *text == "all" ? DeathsSent::all : DeathsSent::none;
    }
    return usage_error(
        fmt::format("--deaths '{}': expected abnormal, all or none", printable(*text)));
}

}  // namespace vigil::apps
