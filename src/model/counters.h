// SPDX-License-Identifier: Apache-2.0
// Resource usage of a process.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace vigil::model {

// Totals since the process started, except rss_bytes and huge_bytes, the present values. Absent:
// unreadable.
struct Counters {
    std::optional<uint64_t> cpu_ns = {};  // user + system, all threads, including exited ones
    // Resident: anonymous, file and shared memory and huge pages, without swapped pages.
    std::optional<uint64_t> rss_bytes = {};
    std::optional<uint64_t> huge_bytes = {};  // the huge pages (hugetlbfs) in rss_bytes
    // From and to storage (proc(5), /proc/PID/io). Written bytes exclude dirty pages that were
    // discarded before they were written.
    std::optional<uint64_t> read_bytes = {};
    std::optional<uint64_t> write_bytes = {};
    // Payload of TCP and UDP; of a process older than the tracer, since the tracer started.
    std::optional<uint64_t> sent_bytes = {};
    std::optional<uint64_t> received_bytes = {};
};

// What sums and rates are made of: rss_bytes, then the totals, which only grow. huge_bytes is a
// part of rss_bytes.
inline constexpr std::array counter_members{&Counters::rss_bytes,  &Counters::cpu_ns,
                                            &Counters::read_bytes, &Counters::write_bytes,
                                            &Counters::sent_bytes, &Counters::received_bytes};
static_assert(sizeof(Counters) == (counter_members.size() + 1) * sizeof(std::optional<uint64_t>),
              "a counter that sums and limits would miss");

}  // namespace vigil::model
