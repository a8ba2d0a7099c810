// SPDX-License-Identifier: Apache-2.0
// The parsed options of `vigil why`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/arguments.h"

namespace vigil::commands {

// Either `name` or `unit` is set, or neither.
struct WhyRequest {
    std::optional<uint32_t> pid;  // `name` as a number, which may also be a name
    std::optional<std::string> name;
    std::optional<std::string> unit;
    std::optional<std::string> state;
    size_t max_deaths = 5;
};

using ParsedWhy = cli::ParseResult<WhyRequest>;

ParsedWhy parse_why(const cli::Arguments& arguments);

}  // namespace vigil::commands
