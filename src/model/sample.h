// SPDX-License-Identifier: Apache-2.0
// Counters of a process, and the metrics that limits are set on. A new metric is one enumerator
// here and one row in sample.cpp, and where it needs another counter, a member of Counters and of
// the list below it, which sampling/convert.cpp fills.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/event.h"

namespace vigil::model {

// Totals since the process started, except rss_bytes, the present value. Absent: unreadable.
struct Counters {
    std::optional<uint64_t> cpu_ns;      // user + system, all threads, including exited ones
    std::optional<uint64_t> rss_bytes;   // resident: anonymous, file and shared memory
    std::optional<uint64_t> read_bytes;  // from and to storage (proc(5), /proc/PID/io)
    std::optional<uint64_t> write_bytes;
    // Payload of TCP and UDP; of a process older than the tracer, since the tracer started.
    std::optional<uint64_t> sent_bytes;
    std::optional<uint64_t> received_bytes;
};

// Every member of Counters. The first is rss_bytes; the others only grow.
inline constexpr std::array counter_members{&Counters::rss_bytes,  &Counters::cpu_ns,
                                            &Counters::read_bytes, &Counters::write_bytes,
                                            &Counters::sent_bytes, &Counters::received_bytes};
static_assert(sizeof(Counters) == counter_members.size() * sizeof(std::optional<uint64_t>),
              "a counter that sums and limits would miss");

// Counters of one process at one moment.
struct Sample {
    Process process;
    uint64_t exec_id = 0;  // changes with every exec; 0: not available
    uint32_t threads = 0;
    Counters counters;
};

// The order is that of the rows in sample.cpp. Append: rules::format() writes the limits of the
// first four even where they are 0.
enum class Metric : uint8_t { cpu, memory, disk, network };
constexpr size_t metric_count = 4;

// How a metric is computed from counters.
struct MetricInfo {
    std::string_view name;  // key in a rule, value of "metric" in events
    std::string_view unit;  // "%", "MB", "MB/s", "KB/s"
    bool is_rate;           // true: growth of the total per second; false: the total itself
    double scale;           // one unit of the metric, in the unit of the counter
    std::optional<uint64_t> (*total)(const Counters&);
};

// The row of Metric m is metrics()[index(m)].
std::span<const MetricInfo, metric_count> metrics();

// Resolution of start times in /proc (USER_HZ is 100 wherever vigil runs).
constexpr uint64_t proc_tick_ns = 10'000'000;

// True if two start times can be of the same process; either of them may be from /proc.
constexpr bool same_start(uint64_t a_ns, uint64_t b_ns) {
    const bool in_ticks = a_ns % proc_tick_ns == 0 || b_ns % proc_tick_ns == 0;
    return a_ns == b_ns || (in_ticks && a_ns / proc_tick_ns == b_ns / proc_tick_ns);
}

// Values in the metrics' units; absent: unavailable.
using Usage = std::array<std::optional<double>, metric_count>;

// Usage between two moments that are span_ns apart. Without `before`, all of `now` counts. Totals
// never shrink: a decrease counts as 0.
Usage usage_between(const Counters* before, const Counters& now, uint64_t span_ns);

}  // namespace vigil::model
