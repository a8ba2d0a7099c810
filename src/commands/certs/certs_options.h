// SPDX-License-Identifier: Apache-2.0
// The options of `vigil certs`, read and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"

namespace vigil::commands {

constexpr uint64_t ca_days = 3650;
constexpr uint64_t issued_days = 825;
constexpr uint64_t max_days = 36'500;

struct CertsRequest {
    enum class Action { init, issue, show };

    Action action = Action::init;
    std::string directory;  // where the CA is
    std::string name;       // to issue
    bool server = false;
    std::vector<std::string> addresses;
    uint64_t days = 0;  // to be valid
    bool force = false;
    std::string file;  // to show
};

using ParsedCerts = cli::ParseResult<CertsRequest>;

ParsedCerts parse_certs(const cli::Arguments& arguments);

}  // namespace vigil::commands
