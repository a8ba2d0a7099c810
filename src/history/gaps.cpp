// SPDX-License-Identifier: Apache-2.0
#include "history/gaps.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/units.h"
#include "history/moment.h"

namespace vigil::history {
namespace {

constexpr size_t most_told_each = 3;  // of a kind; more are summed up

bool same_kind(const Receipt& a, const Receipt& b) {
    return a.unobserved == b.unobserved && a.lost_kind == b.lost_kind;
}

std::string events_of(const Receipt& receipt, uint64_t count) {
    const std::string_view kind = !receipt.lost_kind ? "event"
                                  : *receipt.lost_kind == model::Kind::oom
                                      ? "OOM kill"
                                      : to_string(*receipt.lost_kind);
    return fmt::format("{} {}{} unknown", count, kind, count == 1 ? "" : "s");
}

// Nanoseconds between foreign times can be more than there are.
uint64_t length_ns(const Receipt& receipt) {
    return receipt.to_unix_ns > receipt.from_unix_ns
               ? static_cast<uint64_t>(receipt.to_unix_ns) -
                     static_cast<uint64_t>(receipt.from_unix_ns)
               : 0;
}

uint64_t sum(uint64_t a, uint64_t b) {
    return a + std::min(b, std::numeric_limits<uint64_t>::max() - a);
}

std::string one(const Receipt& receipt, int64_t now_unix_ns) {
    const std::string when = span(receipt.from_unix_ns, receipt.to_unix_ns, now_unix_ns);
    return receipt.unobserved ? fmt::format("nobody watched, {}{}\n", when,
                                            receipt.rebooted ? " (the machine started anew)" : "")
                              : fmt::format("{}, {}\n", events_of(receipt, receipt.count), when);
}

std::string all(const std::vector<Receipt>& receipts, int64_t now_unix_ns) {
    Receipt whole = receipts.front();
    uint64_t count = 0;
    uint64_t ns = 0;
    for (const Receipt& each : receipts) {
        whole.from_unix_ns = std::min(whole.from_unix_ns, each.from_unix_ns);
        whole.to_unix_ns = std::max(whole.to_unix_ns, each.to_unix_ns);
        count = sum(count, each.count);
        ns = sum(ns, length_ns(each));
    }
    const std::string what = whole.unobserved
                                 ? fmt::format("nobody watched for {} in all", spoken_duration(ns))
                                 : events_of(whole, count);
    return fmt::format("{}, in {} gaps, {}\n", what, receipts.size(),
                       span(whole.from_unix_ns, whole.to_unix_ns, now_unix_ns));
}

}  // namespace

std::string gaps_text(const std::vector<Receipt>& receipts, int64_t now_unix_ns) {
    std::vector<std::vector<Receipt>> kinds;
    for (const Receipt& each : receipts) {
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
    for (const std::vector<Receipt>& kind : kinds) {
        if (kind.size() > most_told_each) {
            text += all(kind, now_unix_ns);
            continue;
        }
        for (const Receipt& each : kind) {
            text += one(each, now_unix_ns);
        }
    }
    return text;
}

}  // namespace vigil::history
