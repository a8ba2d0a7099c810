// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace vigil::sinks {

// Appends arguments (a NUL after each, the last one may be cut) as a JSON array of strings.
void append_json_arguments(std::string& out, std::string_view bytes);

}  // namespace vigil::sinks
