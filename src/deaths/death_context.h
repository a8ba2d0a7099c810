// SPDX-License-Identifier: Apache-2.0
// State that the recorder keeps of one living process for its death record. Most processes have
// none.
// Times are CLOCK_BOOTTIME: the real-time clock may be set in between.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/death.h"
#include "model/event.h"
#include "process/ancestry.h"

namespace vigil::deaths {

// A signal that was delivered to the process.
struct SignalRecord {
    int number = 0;
    int code = 0;
    model::SignalSource source = model::SignalSource::unknown;
    bool dumping_core = false;  // the process was already writing its core
    bool is_own = false;        // the process sent it to itself
    bool near_stack = false;    // a fault at its stack pointer
    uint64_t boot_ns = 0;
    // The process sent itself the same number later: it caught this one and ended itself with it.
    std::optional<uint64_t> raised_again_ns;
    std::optional<model::Sender> sender;
    process::NodePtr sender_node;  // the sender at that time; null: unknown
};

struct OomKill {
    std::optional<uint64_t> rss_bytes;
    std::optional<uint64_t> limit_bytes;
    std::string limit_cgroup;
    std::optional<bool> limited;  // by a cgroup; absent: not known
    uint32_t trigger_pid = 0;
    model::Comm trigger_comm;
};

struct LimitViolation {
    std::string_view metric;  // of model::metrics()
    double limit = 0;
    double peak = 0;
    uint64_t since_ns = 0;  // CLOCK_BOOTTIME
    uint64_t last_ns = 0;   // end of the excess; UINT64_MAX: ongoing
};

struct ChildExit {
    uint64_t boot_ns = 0;
    model::ChildDeath death;
};

struct DeathContext {
    std::vector<SignalRecord> signals;  // the last one of each number, the newest last
    std::optional<OomKill> oom;
    std::vector<LimitViolation> violations;
    std::vector<ChildExit> children;  // the last ones that a shell would report, the latest last
};

}  // namespace vigil::deaths
