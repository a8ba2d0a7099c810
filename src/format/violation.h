// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/event.h"

namespace vigil::format {

// A value beside its limit: one decimal below 1,000, none above, and more where the text would
// otherwise not be above the limit though the value is.
std::string format_value(double value, double limit);

// Appends a violation as text, without time and line end:
// "RAISED   cpu      100.2 % > 50 %  yes (pid 4242, root)  rule *: yes". Columns are aligned.
void append_violation(std::string& out, const model::Event& event);

}  // namespace vigil::format
