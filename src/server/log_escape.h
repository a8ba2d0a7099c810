// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vigil::server {

// Appends lines of the log, safe for a terminal: JSON with the same meaning, with control and
// misleading characters escaped.
void append_log_escaped(std::string& out, std::string_view lines);

}  // namespace vigil::server
