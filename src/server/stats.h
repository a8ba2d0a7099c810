// SPDX-License-Identifier: Apache-2.0
// Counters of a server since its start.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vigil::server {

// Reasons for the server to close a connection.
enum class CloseReason : uint8_t {
    too_many,     // connections
    tls,          // the handshake failed
    wrong_name,   // differs from the certificate's
    bad_line,     // no JSON, or a violation of the protocol
    long_line,    // over 64 KiB
    silent,       // nothing was received for too long
    slow_reader,  // does not read what is sent to it
    replaced,     // the same agent has a newer connection
};
constexpr size_t close_reason_count = 8;

constexpr std::string_view to_string(CloseReason reason) {
    constexpr std::array<std::string_view, close_reason_count> names{
        "too_many",  "tls",    "wrong_name",  "bad_line",
        "long_line", "silent", "slow_reader", "replaced"};
    return names[static_cast<size_t>(reason)];
}

struct Stats {
    void count(CloseReason reason) { close_counts[static_cast<size_t>(reason)]++; }

    uint64_t connections = 0;
    std::array<uint64_t, close_reason_count> close_counts{};
    uint64_t bytes = 0;       // read from agents
    uint64_t events = 0;      // appended to the log
    uint64_t duplicates = 0;  // received again, and dropped
    uint64_t missing = 0;     // sequence numbers that agents skipped: lines lost in their spool
    uint64_t waits = 0;       // times that a session waited for the log
    uint64_t deleted = 0;     // lines of old segments of the log, deleted to keep its bounds
};

}  // namespace vigil::server
