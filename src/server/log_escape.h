// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vigil::server {

// Appends lines of the log so that a terminal can show them: JSON of the same meaning, where what
// could move a cursor or mislead a reader is escaped.
void append_log_escaped(std::string& out, std::string_view lines);

}  // namespace vigil::server
