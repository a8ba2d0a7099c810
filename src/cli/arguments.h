// SPDX-License-Identifier: Apache-2.0
// The arguments of a command, and the result of reading them.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vigil::cli {

// Without the names of the program and the command.
using Arguments = std::vector<std::string>;

// The request that the arguments express; or the exit code where nothing is to be done (--help, or
// wrong usage that has been reported).
template <class Request>
struct ParseResult {
    std::optional<Request> request;
    int exit_code = 0;
};

}  // namespace vigil::cli
