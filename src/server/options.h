// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "wire/protocol.h"

namespace vigil::server {

struct Options {
    std::string address = "127.0.0.1";                   // to listen on
    uint16_t port = default_port;                        // 0: any free one
    std::optional<std::string> configuration;            // path
    std::optional<std::string> configuration_directory;  // path
    std::string log = "events.log";
    uint64_t log_segment_bytes = 64 << 20;  // the log is rotated beyond this size
    // total of all its files: the oldest are deleted; 0: unlimited
    uint64_t log_total_bytes = 4ULL << 30;
    size_t log_segments = 0;             // max rotated segments; 0: unlimited
    std::optional<std::string> tls;      // path of a file from `vigil certs issue --server`
    std::optional<std::string> control;  // path of the Unix socket for `vigil ctl`

    // Limits on what clients may use.
    size_t max_connections = 10'000;    // of agents that have said hello
    size_t max_refused = 16;            // that are being sent the reason, beside those
    size_t max_greeting = 1'024;        // before their hello, beside those
    size_t max_unsent_bytes = 4 << 20;  // per connection
    uint64_t handshake_timeout_s = 10;  // until TLS and hello are done
    uint64_t silence_timeout_s = wire::max_silence_s;
    size_t log_pending_bytes = 16 << 20;  // not durable yet; beyond it nothing is read from agents
};

// Messages for the server's operator: one sentence, safe for a terminal. Called on the server's
// thread.
using LogCallback = std::function<void(const std::string& text)>;

}  // namespace vigil::server
