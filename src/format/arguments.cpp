// SPDX-License-Identifier: Apache-2.0
#include "format/arguments.h"

#include <algorithm>

#include "base/text.h"

namespace vigil::format {

void append_json_arguments(std::string& out, std::string_view bytes) {
    out += '[';
    for (bool first = true; !bytes.empty(); first = false) {
        const size_t length = std::min(bytes.find('\0'), bytes.size());
        if (!first) {
            out += ',';
        }
        append_json_string(out, bytes.substr(0, length));
        bytes.remove_prefix(std::min(length + 1, bytes.size()));
    }
    out += ']';
}

void append_command(std::string& out, std::string_view bytes) {
    std::string command(bytes);
    while (command.ends_with('\0')) {
        command.pop_back();
    }
    std::replace(command.begin(), command.end(), '\0', ' ');
    if (!command.empty()) {
        out += ": ";
        append_escaped(out, command);
    }
}

}  // namespace vigil::format
