// SPDX-License-Identifier: Apache-2.0
// The options of `vigil agent`, read and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands.h"
#include "apps/keep_options.h"
#include "base/clock.h"
#include "wire/address.h"

namespace vigil::apps {

struct AgentRequest {
    std::vector<wire::Address> servers;
    std::string name;
    std::string state;  // folder
    std::optional<std::string> tls;
    uint64_t interval_ns = ns_per_s;
    uint64_t queue_bytes = 256 << 20;
    Keep keep;
    DeathsSent deaths = DeathsSent::abnormal;
};

using ParsedAgent = Asked<AgentRequest>;

ParsedAgent parse_agent(const Arguments& arguments);

// This machine's name as an agent's: what a name can't hold becomes '-'.
std::string default_agent_name();

}  // namespace vigil::apps
