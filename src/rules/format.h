// SPDX-License-Identifier: Apache-2.0
// Writes rules as a configuration.
#pragma once

#include <string>

#include "rules/rule.h"

namespace vigil::rules {

enum class Layout {
    one_line,  // no spaces; equal rules give equal text
    readable   // one key per line, with a final line end
};

// Text from which parse() reads the same rules. Keys with their default value are omitted, except
// the limits.
std::string format(const RuleSet& rules, Layout layout);

}  // namespace vigil::rules
