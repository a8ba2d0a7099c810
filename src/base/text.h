// SPDX-License-Identifier: Apache-2.0
// Makes untrusted bytes (names, arguments) safe for a terminal and for JSON.
#pragma once

#include <string>
#include <string_view>

namespace vigil {

// Appends `bytes` with everything escaped that could move the cursor, change a colour or mislead
// the reader: control characters as \n, \t, \e or \xHH, invalid UTF-8 bytes as \xHH, invisible and
// direction-changing code points as \u{HEX}. Backslashes are doubled.
void append_escaped(std::string& out, std::string_view bytes);

// The same, in double quotes (with quotes escaped) if it is empty or has anything but printable
// ASCII without space, quote and equals sign: one token for a key=value line.
void append_quoted(std::string& out, std::string_view bytes);

// The same as append_escaped(), for use in messages.
std::string escape_terminal(std::string_view bytes);
std::string quote_if_needed(std::string_view bytes);

// Truncates a line (no line end; printable except for colour codes, "\e[...m") to `columns`. The
// last column of a truncated line is an ellipsis. Colour codes after the cut are kept.
std::string truncate_columns(std::string_view line, size_t columns);

// Appends `bytes` as a JSON string with its quotes. Control characters, DEL, C1 and
// direction-changing code points become \u00XX escapes; an invalid UTF-8 byte becomes the four
// characters \xHH (JSON can't represent it). The result is always valid JSON and safe for a
// terminal.
void append_json_string(std::string& out, std::string_view bytes);

// Rewrites valid JSON of another program with the escapes of append_json_string(): safe for a
// terminal, and on one line.
std::string escape_terminal_json(std::string_view json);

}  // namespace vigil
