// SPDX-License-Identifier: Apache-2.0
#include "server/log_escape.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace vigil::server {
namespace {

// Appends a byte that cannot occur unescaped in a JSON string, or that ends one.
void append_byte(std::string& out, char byte) {
    if (byte == '\t' || byte == '\r') {
        out += ' ';
    } else if (byte == '\n' || byte == '"' || byte == '\\') {
        out += byte;
    } else {
        out += fmt::format("\\u{:04x}", static_cast<unsigned char>(byte));
    }
}

}  // namespace

// In valid JSON such characters occur in strings, where \uXXXX has the same meaning, except tabs
// and carriage returns between members, which become spaces.
void append_log_escaped(std::string& out, std::string_view lines) {
    const auto is_plain = [](char c) { return (c >= ' ' && c < 0x7f) || c == '\n'; };
    if (std::all_of(lines.begin(), lines.end(), is_plain)) {
        out += lines;
        return;
    }
    size_t begin = 0;
    for (size_t i = 0; i <= lines.size(); i++) {
        if (i < lines.size() && static_cast<unsigned char>(lines[i]) >= ' ' && lines[i] != '"' &&
            lines[i] != '\\' && lines[i] != 0x7f) {
            continue;
        }
        // Escape the text between quotes, backslashes and line ends as JSON.
        std::string escaped_part;
        append_json_string(escaped_part, lines.substr(begin, i - begin));
        out.append(escaped_part, 1, escaped_part.size() - 2);
        if (i < lines.size()) {
            append_byte(out, lines[i]);
        }
        begin = i + 1;
    }
}

}  // namespace vigil::server
