// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/event.h"

namespace vigil::format {

// Appends a violation as text, without time and line end:
// "RAISED   cpu      100.2 % > 50 %  yes (pid 4242, root)  rule *: yes". Columns are aligned.
void append_violation(std::string& out, const model::Event& event);

}  // namespace vigil::format
