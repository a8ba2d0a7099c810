// SPDX-License-Identifier: Apache-2.0
#include "format/coverage_gaps.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/units.h"
#include "format/time.h"

namespace vigil::format {
namespace {

constexpr size_t max_listed_per_kind = 3;  // more gaps of a kind are summed up

bool same_kind(const query::CoverageGap& a, const query::CoverageGap& b) {
    return a.unobserved == b.unobserved && a.lost_kind == b.lost_kind;
}

std::string event_count_text(const query::CoverageGap& gap, uint64_t count) {
    const std::string_view kind = !gap.lost_kind                       ? "event"
                                  : *gap.lost_kind == model::Kind::oom ? "OOM kill"
                                                                       : to_string(*gap.lost_kind);
    return fmt::format("{} {}{} unknown", count, kind, count == 1 ? "" : "s");
}

// The difference of untrusted times may overflow int64_t.
uint64_t length_ns(const query::CoverageGap& gap) {
    return gap.to_unix_ns > gap.from_unix_ns
               ? static_cast<uint64_t>(gap.to_unix_ns) - static_cast<uint64_t>(gap.from_unix_ns)
               : 0;
}

uint64_t saturating_add(uint64_t a, uint64_t b) {
    return a + std::min(b, std::numeric_limits<uint64_t>::max() - a);
}

std::string format_gap(const query::CoverageGap& gap, int64_t now_unix_ns) {
    const std::string when = format_range(gap.from_unix_ns, gap.to_unix_ns, now_unix_ns);
    return gap.unobserved ? fmt::format("not monitored, {}{}\n", when,
                                        gap.rebooted ? " (the machine was rebooted)" : "")
                          : fmt::format("{}, {}\n", event_count_text(gap, gap.count), when);
}

std::string format_summary(const std::vector<query::CoverageGap>& gaps, int64_t now_unix_ns) {
    query::CoverageGap whole = gaps.front();
    uint64_t count = 0;
    uint64_t ns = 0;
    for (const query::CoverageGap& each : gaps) {
        whole.from_unix_ns = std::min(whole.from_unix_ns, each.from_unix_ns);
        whole.to_unix_ns = std::max(whole.to_unix_ns, each.to_unix_ns);
        count = saturating_add(count, each.count);
        ns = saturating_add(ns, length_ns(each));
    }
    const std::string what = whole.unobserved
                                 ? fmt::format("not monitored for {} in all", human_duration(ns))
                                 : event_count_text(whole, count);
    return fmt::format("{}, in {} gaps, {}\n", what, gaps.size(),
                       format_range(whole.from_unix_ns, whole.to_unix_ns, now_unix_ns));
}

}  // namespace

std::string format_coverage_gaps(const std::vector<query::CoverageGap>& gaps, int64_t now_unix_ns) {
    std::vector<std::vector<query::CoverageGap>> kinds;
    for (const query::CoverageGap& each : gaps) {
        const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const auto& others) {
            return same_kind(others.front(), each);
        });
        if (kind != kinds.end()) {
            kind->push_back(each);
        } else {
            kinds.push_back({each});
        }
    }
    std::string text;
    for (const std::vector<query::CoverageGap>& kind : kinds) {
        if (kind.size() > max_listed_per_kind) {
            text += format_summary(kind, now_unix_ns);
            continue;
        }
        for (const query::CoverageGap& each : kind) {
            text += format_gap(each, now_unix_ns);
        }
    }
    return text;
}

}  // namespace vigil::format
