// SPDX-License-Identifier: Apache-2.0
// Foreign bytes (names, arguments) made safe for a terminal and for JSON.
#pragma once

#include <string>
#include <string_view>

namespace vigil {

// Appends `bytes` with everything that could move a cursor, change a colour or mislead a
// reader written out: control characters as \n, \t, \e or \xHH, bytes that are no UTF-8 as
// \xHH, invisible and direction-changing code points as \u{HEX}. A backslash is doubled.
void append_escaped(std::string& out, std::string_view bytes);

// The same, and inside double quotes (quotes escaped) where it is empty or holds anything but
// printable ASCII without space, quote and equals sign: one word for a key=value line.
void append_quoted(std::string& out, std::string_view bytes);

// The same as texts of their own, for the words of a message.
std::string escape_terminal(std::string_view bytes);
std::string quote_if_needed(std::string_view bytes);

// A line (no line end; printable but for colour codes, "\e[...m") cut to at most `columns`, the
// last of which then is an ellipsis. Colour codes behind the cut are kept.
std::string truncate_columns(std::string_view line, size_t columns);

// Appends `bytes` as a JSON string with its quotes. Control characters, DEL, C1 and
// direction-changing code points become \u00XX escapes; a byte that is no UTF-8 becomes the
// four characters \xHH (JSON can't hold it), so the result is always valid JSON and safe for a
// terminal.
void append_json_string(std::string& out, std::string_view bytes);

// Valid JSON of another's writing as append_json_string() would have written its strings: safe for
// a terminal, and on one line.
std::string escape_terminal_json(std::string_view json);

}  // namespace vigil
