// SPDX-License-Identifier: Apache-2.0
// The parsed options of `vigil certs`.
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
    std::string directory;  // directory of the CA
    std::string name;       // name to issue a certificate for
    bool server = false;
    std::vector<std::string> addresses;
    uint64_t days = 0;  // validity
    bool force = false;
    std::string file;  // file to show
};

using ParsedCerts = cli::ParseResult<CertsRequest>;

ParsedCerts parse_certs(const cli::Arguments& arguments);

}  // namespace vigil::commands
