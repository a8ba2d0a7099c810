// SPDX-License-Identifier: Apache-2.0
#include "process/usage_meter.h"

#include <algorithm>

namespace vigil::process {
namespace {

void keep_larger(std::optional<uint64_t>& now, const std::optional<uint64_t>& before) {
    if (now && before && *now < *before) {
        now = before;
    }
}

}  // namespace

void clamp_monotonic(const model::Counters& before, model::Counters& now) {
    for (const auto counter : model::counter_members) {
        if (counter != &model::Counters::rss_bytes) {
            keep_larger(now.*counter, before.*counter);
        }
    }
}

model::Counters final_counters(const model::Exit& exit) {
    model::Counters counters;
    counters.cpu_ns = exit.cpu_ns;
    if (!exit.peak_rss_at_most) {
        counters.rss_bytes = exit.peak_rss_bytes;
    }
    counters.read_bytes = exit.read_bytes;
    counters.write_bytes = exit.write_bytes;
    counters.sent_bytes = exit.sent_bytes;
    counters.received_bytes = exit.received_bytes;
    return counters;
}

void UsageMeter::apply_sample(ProcessEntry& entry, model::Counters& counters,
                              uint64_t now_ns) const {
    const uint64_t start_ns = entry.process.start_ns;
    if (entry.measured_ns != 0) {
        clamp_monotonic(entry.counters, counters);
        entry.usage_from_ns = entry.measured_ns;
        entry.usage = model::usage_between(&entry.counters, counters, now_ns - entry.measured_ns);
    } else if (start_ns >= begun_ns_) {
        entry.usage_from_ns = std::min(start_ns, now_ns);
        entry.usage = model::usage_between(nullptr, counters,
                                           std::max(now_ns - entry.usage_from_ns, interval_ns_));
    } else {
        entry.usage_from_ns = now_ns;
        entry.usage = model::usage_between(&counters, counters, 0);
    }
    entry.counters = counters;
    entry.measured_ns = now_ns;
}

UsageMeter::FinalUsage UsageMeter::final_usage(const ProcessEntry& entry, const model::Exit& exit,
                                               uint64_t now_ns) const {
    const bool measured = entry.measured_ns != 0 && exit.lifetime_ns > interval_ns_;
    const uint64_t start_ns = entry.process.start_ns;
    FinalUsage final_usage;
    final_usage.from_ns = measured ? entry.measured_ns : start_ns;
    const uint64_t span_ns = std::max(now_ns - std::min(now_ns, final_usage.from_ns), interval_ns_);
    model::Counters counters = final_counters(exit);
    if (measured || start_ns < begun_ns_) {
        counters.rss_bytes.reset();  // the peak may be long ago, and was sampled then
    }
    final_usage.usage =
        model::usage_between(measured ? &entry.counters : nullptr, counters, span_ns);
    return final_usage;
}

}  // namespace vigil::process
