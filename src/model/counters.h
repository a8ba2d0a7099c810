// SPDX-License-Identifier: Apache-2.0
// Totals of what a process has used.
#pragma once

#include <cstdint>
#include <optional>

namespace vigil::model {

// Totals since the process began, but rss_bytes and huge_bytes: these are now. Absent: can't be
// read here.
struct Counters {
    std::optional<uint64_t> cpu_ns;  // user + system, all threads, living and dead
    // Resident: anonymous, file and shared memory, huge pages included. What is swapped out is not.
    std::optional<uint64_t> rss_bytes;
    std::optional<uint64_t> huge_bytes;  // the part of it that is in huge pages (hugetlbfs)
    // From and to storage (proc(5), /proc/PID/io). Written is without what was cancelled: pages
    // that were thrown away before they got there.
    std::optional<uint64_t> read_bytes;
    std::optional<uint64_t> write_bytes;
    // Payload of TCP and UDP; of a process older than the watcher since watching began.
    std::optional<uint64_t> sent_bytes;
    std::optional<uint64_t> received_bytes;
};

}  // namespace vigil::model
