// SPDX-License-Identifier: Apache-2.0
#include "cli/common_options.h"

#include <fmt/format.h>

#include <bit>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "capture/ring.h"
#include "capture/tracer.h"

namespace vigil::cli {
namespace {

constexpr uint64_t default_interval_ns = ns_per_s;
constexpr uint64_t min_interval_ns = 100 * ns_per_ms;
constexpr uint64_t max_interval_ns = 3600 * ns_per_s;

constexpr uint64_t min_limit_bytes = 1 << 20;
constexpr uint64_t max_limit_bytes = 1ULL << 40;
constexpr uint64_t min_age_ns = 60 * ns_per_s;

// As it is written on the command line: "64K". A power of two, at least 1K.
std::string size_option(uint64_t bytes) {
    const bool gigabytes = bytes >= 1U << 30;
    const bool megabytes = bytes >= 1U << 20;
    return gigabytes   ? fmt::format("{}G", bytes >> 30)
           : megabytes ? fmt::format("{}M", bytes >> 20)
                       : fmt::format("{}K", bytes >> 10);
}

}  // namespace

void add_interval(OptionParser& parser, OptionText& text) {
    parser.add_option("--interval", text, "Time between two samples, 100ms to 1h [1s]")
        ->type_name("TIME");
}

Result<uint64_t> parse_interval(const OptionText& text) {
    if (!text) {
        return default_interval_ns;
    }
    const auto interval = parse_duration_ns(*text);
    if (!interval) {
        return usage_error("--interval " + interval.error().context);
    }
    if (*interval < min_interval_ns || *interval > max_interval_ns) {
        return usage_error("--interval '" + *text + "': expected 100ms to 1h");
    }
    return *interval;
}

void add_ring_size(OptionParser& parser, OptionText& text) {
    parser.add_option("--ring-size", text, "Buffer in the kernel, a power of two [8M]")
        ->type_name("SIZE");
}

Result<uint64_t> parse_ring_size(const OptionText& text) {
    if (!text) {
        return capture::default_ring_bytes;
    }
    const auto bytes = parse_size_bytes(*text);
    if (!bytes) {
        return usage_error("--ring-size " + bytes.error().context);
    }
    if (*bytes < capture::min_ring_bytes || *bytes > capture::max_ring_bytes) {
        return usage_error(fmt::format("--ring-size '{}': expected 4K to 1G", *text));
    }
    // A ring has a power of two (bpf(2)).
    if (const uint64_t below = std::bit_floor(*bytes); below != *bytes) {
        return usage_error(fmt::format("--ring-size '{}': expected a power of two: {} or {}", *text,
                                       size_option(below), size_option(2 * below)));
    }
    return *bytes;
}

void add_retention(OptionParser& parser, OptionText& text) {
    parser.add_option("--keep", text, "Death records are kept up to this size and age [256M,7d]")
        ->type_name("SIZE,TIME");
}

Result<deaths::Retention> parse_retention(const OptionText& text) {
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

void add_death_forwarding(OptionParser& parser, OptionText& text) {
    parser
        .add_option(
            "--deaths", text,
            "Deaths that are sent to the server: abnormal (by a signal, or with an exit code "
            "other than 0), all or none [abnormal]")
        ->type_name("WHICH");
}

Result<deaths::DeathForwarding> parse_death_forwarding(const OptionText& text) {
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
