// SPDX-License-Identifier: Apache-2.0
// What a server counts since it started.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace vigil::server {

// Why a connection was closed by the server.
enum class CloseReason : uint8_t {
    too_many,     // connections
    tls,          // the handshake failed
    wrong_name,   // not that of the certificate
    bad_line,     // no JSON, or not what the protocol says
    long_line,    // over 64 KiB
    silent,       // nothing came for too long
    slow_reader,  // takes nothing of what is sent to it
    replaced,     // the same agent has come back on a newer connection
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
    uint64_t duplicates = 0;  // came again, and were dropped
    uint64_t missing = 0;     // numbers that agents have left out: their queue was full
    uint64_t waits = 0;       // times that a connection had to wait for the log
    uint64_t deleted = 0;     // lines of old segments of the log, deleted to keep its bounds
};

}  // namespace vigil::server
