// SPDX-License-Identifier: Apache-2.0
#include "pipeline/accounting.h"

#include <fmt/format.h>

#include <iterator>

#include "base/units.h"

namespace vigil::pipeline {
namespace {

bool is_balanced(const EventTotals& totals) {
    return totals.seen == totals.filtered + totals.delivered + totals.dropped + totals.undelivered;
}

}  // namespace

bool is_balanced(const RunTotals& run_totals) {
    for (const EventTotals& totals : run_totals.kinds) {
        if (!is_balanced(totals)) {
            return false;
        }
    }
    return true;
}

std::string missed_text(uint64_t max_missed) {
    return fmt::format(
        "vigil: up to {} events were not seen: the kernel skipped programs that were running "
        "already on that CPU\n",
        max_missed);
}

std::string to_text(const RunTotals& run_totals, model::KindSet wanted) {
    std::string text;
    uint64_t dropped = 0;
    for (size_t kind = 0; kind < run_totals.kinds.size(); kind++) {
        const EventTotals& totals = run_totals.kinds[kind];
        const auto name = static_cast<model::Kind>(kind);
        if ((wanted & model::kind_bit(name)) == 0 && totals.dropped == 0) {
            continue;
        }
        dropped += totals.dropped;
        fmt::format_to(std::back_inserter(text),
                       "vigil: {} seen={} filtered={} delivered={} dropped={} undelivered={}\n",
                       to_string(name), totals.seen, totals.filtered, totals.delivered,
                       totals.dropped, totals.undelivered);
    }
    if (!is_balanced(run_totals)) {
        text += "vigil: NOT every event is accounted for: this is a bug of vigil\n";
    }
    if (dropped > 0) {
        fmt::format_to(std::back_inserter(text),
                       "vigil: {} did not fit into the ring: a larger --ring-size or a "
                       "narrower filter helps\n",
                       count_of(dropped, "event"));
    }
    if (run_totals.max_missed > 0) {
        text += missed_text(run_totals.max_missed);
    }
    if (run_totals.tree_overflow > 0) {
        fmt::format_to(std::back_inserter(text),
                       "vigil: {} descendants did not fit into the tree and were not followed\n",
                       run_totals.tree_overflow);
    }
    if (run_totals.uncounted_calls > 0) {
        fmt::format_to(std::back_inserter(text),
                       "vigil: the bytes of up to {} socket calls are missing: the kernel skipped "
                       "the program that counts them\n",
                       run_totals.uncounted_calls);
    }
    return text;
}

}  // namespace vigil::pipeline
