// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vigil::format {

// Appends arguments (each followed by a NUL, the last may be truncated) as a JSON array of strings.
void append_json_arguments(std::string& out, std::string_view bytes);

// Appends ": " and the arguments separated by spaces; nothing if there are none. Put it last in a
// line, as it can be long.
void append_command(std::string& out, std::string_view bytes);

}  // namespace vigil::format
