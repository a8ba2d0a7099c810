// SPDX-License-Identifier: Apache-2.0
// Writes rules as a configuration.
#pragma once

#include <string>

#include "rules/rule.h"

namespace vigil::rules {

enum class Layout {
    one_line,  // the shortest; equal rules give equal text
    readable   // a key a line, with a line end behind it all
};

// What parse() reads to the same rules. Keys that have their default value are left out, but for
// the limits.
std::string format(const RuleSet& rules, Layout layout);

}  // namespace vigil::rules
