// SPDX-License-Identifier: Apache-2.0
// The parsed options of `vigil why`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/arguments.h"

namespace vigil::commands {

// At most one of the first three is set.
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
