// SPDX-License-Identifier: Apache-2.0
// ANSI escape codes for terminals.
#pragma once

#include <string_view>

namespace vigil::ansi {

constexpr std::string_view dim = "\x1b[2m";
constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view green = "\x1b[32m";
constexpr std::string_view yellow = "\x1b[33m";
constexpr std::string_view reset = "\x1b[0m";

}  // namespace vigil::ansi
