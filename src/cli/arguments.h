// SPDX-License-Identifier: Apache-2.0
// The arguments of a command, and the result of reading them.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vigil::cli {

// Without the names of the program and the command.
using Arguments = std::vector<std::string>;

// The parsed request, or the exit code if there is nothing to do (--help, or wrong usage that was
// reported).
template <class Request>
struct ParseResult {
    std::optional<Request> request;
    int exit_code = 0;
};

}  // namespace vigil::cli
