// SPDX-License-Identifier: Apache-2.0
#include "model/sample.h"

#include "base/clock.h"

namespace vigil::model {
namespace {

using C = const Counters&;
using Total = std::optional<uint64_t>;

Total sum(const Total& a, const Total& b) { return a && b ? Total{*a + *b} : std::nullopt; }

constexpr double mb = 1024.0 * 1024.0;
constexpr double kb = 1024.0;
constexpr double percent_of_a_core = ns_per_s / 100.0;

constexpr std::array<MetricInfo, metric_count> metric_table{{
    {"cpu", "%", true, percent_of_a_core, [](C c) { return c.cpu_ns; }},
    {"memory", "MB", false, mb, [](C c) { return c.rss_bytes; }},
    {"disk", "MB/s", true, mb, [](C c) { return sum(c.read_bytes, c.write_bytes); }},
    {"network", "KB/s", true, kb, [](C c) { return sum(c.sent_bytes, c.received_bytes); }},
}};

}  // namespace

std::span<const MetricInfo, metric_count> metrics() { return metric_table; }

Usage usage_between(const Counters* before, const Counters& now, uint64_t span_ns) {
    Usage usage;
    const double seconds = static_cast<double>(span_ns) / ns_per_s;
    for (size_t i = 0; i < metric_count; i++) {
        const MetricInfo& row = metric_table[i];
        const Total total = row.total(now);
        if (!total) {
            continue;
        }
        if (!row.is_rate) {
            usage[i] = static_cast<double>(*total) / row.scale;
            continue;
        }
        const Total base = before != nullptr ? row.total(*before) : Total{0};
        if (base && span_ns > 0) {
            const uint64_t growth = *total > *base ? *total - *base : 0;
            usage[i] = static_cast<double>(growth) / row.scale / seconds;
        }
    }
    return usage;
}

}  // namespace vigil::model
