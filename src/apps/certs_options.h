// SPDX-License-Identifier: Apache-2.0
// The options of `vigil certs`, read and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/commands.h"

namespace vigil::apps {

constexpr uint64_t days_of_ca = 3650;
constexpr uint64_t days_of_issued = 825;
constexpr uint64_t most_days = 36'500;

struct CertsRequest {
    enum class Action { init, issue, show };

    Action action = Action::init;
    std::string folder;  // where the CA is
    std::string name;    // to issue
    bool server = false;
    std::vector<std::string> addresses;
    uint64_t days = 0;  // to be valid
    bool force = false;
    std::string file;  // to show
};

using ParsedCerts = Asked<CertsRequest>;

ParsedCerts parse_certs(const Arguments& arguments);

}  // namespace vigil::apps
