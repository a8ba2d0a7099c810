// SPDX-License-Identifier: Apache-2.0
// The limits that a user sets on processes. docs/configuration.md explains each member.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/sample.h"

namespace vigil::rules {

struct Rule {
    std::string process;                // glob(7), compared with each name of a process
    std::optional<std::string> user;    // name, or uid in digits
    std::optional<std::string> cgroup;  // glob(7): path of a cgroup, or a name on the path
    std::array<double, model::metric_count> limits{};  // by model::Metric; 0: no limit
    uint64_t for_ns = 0;                   // required duration before raised and before cleared
    uint64_t cooldown_ns = 60 * ns_per_s;  // between two reports of the same violation

    bool operator==(const Rule&) const = default;
};

using RuleSet = std::vector<Rule>;

}  // namespace vigil::rules
