// SPDX-License-Identifier: Apache-2.0
// State that the recorder keeps of one living process for its death record. Most processes have
// none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/event.h"
#include "process/ancestry.h"

namespace vigil::deaths {

// A signal that was delivered to the process.
struct SignalRecord {
    int number = 0;
    int code = 0;
    model::SignalSource source = model::SignalSource::unknown;
    bool dumping_core = false;  // the process was already writing its core
    int64_t unix_ns = 0;
    std::optional<model::Sender> sender;
    process::NodePtr sender_node;  // the sender at that time; null: unknown
};

struct OomKill {
    std::optional<uint64_t> rss_bytes;
    std::optional<uint64_t> limit_bytes;
    std::string limit_cgroup;
    uint32_t trigger_pid = 0;
    model::Comm trigger_comm;
};

struct LimitViolation {
    std::string_view metric;  // of model::metrics()
    double limit = 0;
    double peak = 0;
    int64_t since_unix_ns = 0;
    int64_t last_unix_ns = 0;  // end of the excess; INT64_MAX: ongoing
};

struct DeathContext {
    std::vector<SignalRecord> signals;  // the last one of each number, the newest last
    std::optional<OomKill> oom;
    std::vector<LimitViolation> violations;
};

}  // namespace vigil::deaths
