// SPDX-License-Identifier: Apache-2.0
// The parsed options of `vigil agent`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "cli/arguments.h"
#include "deaths/retention.h"

namespace vigil::commands {

struct AgentRequest {
    std::vector<Address> servers;
    std::string name;
    std::string state;  // directory
    std::optional<std::string> tls;
    uint64_t interval_ns = ns_per_s;
    uint64_t queue_bytes = 256 << 20;
    deaths::Retention retention;
    deaths::DeathForwarding death_forwarding = deaths::DeathForwarding::abnormal;
};

using ParsedAgent = cli::ParseResult<AgentRequest>;

ParsedAgent parse_agent(const cli::Arguments& arguments);

// This machine's host name as agent name: invalid characters become '-'.
std::string default_agent_name();

}  // namespace vigil::commands
