// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vigil::format {

// Appends arguments (a NUL after each, the last one may be cut) as a JSON array of strings.
void append_json_arguments(std::string& out, std::string_view bytes);

// Appends ": " and the arguments as they were typed, a space between two; nothing if there are
// none. To stand last in a line, as it can be long.
void append_command(std::string& out, std::string_view bytes);

}  // namespace vigil::format
