// SPDX-License-Identifier: Apache-2.0
// The options of `vigil why`, read and checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/arguments.h"

namespace vigil::commands {

// One of the first three, or none of them.
struct WhyRequest {
    std::optional<uint32_t> pid;
    std::optional<std::string> name;
    std::optional<std::string> unit;
    std::optional<std::string> state;
    size_t max_deaths = 5;
};

using ParsedWhy = cli::ParseResult<WhyRequest>;

ParsedWhy parse_why(const cli::Arguments& arguments);

}  // namespace vigil::commands
