// SPDX-License-Identifier: Apache-2.0
// Finds where a text stops being valid JSON (RFC 8259), and why: simdjson does not report the
// position, which a user needs to find, for example, a missing comma.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace vigil::rules {

// One syntax error. All members are safe to print on a terminal.
struct SyntaxError {
    size_t offset = 0;      // bytes from the start of the text
    size_t rule = 0;        // element of the outermost array, from 1; 0: outside any
    std::string key;        // key of that element whose value it is in; empty: none
    bool is_value = false;  // `found` is in the place of the key's value
    std::string expected;
    std::string found;
};

// The first syntax error of a text that begins with '['; empty if the text is valid JSON.
std::optional<SyntaxError> find_syntax_error(std::string_view text);

// Describes the token at `offset`: "the end of the file", "'{'", "NaN".
std::string describe(std::string_view text, size_t offset);

// At most 60 bytes of untrusted text, escaped for a terminal; "..." marks an omission.
std::string excerpt(std::string_view untrusted);

}  // namespace vigil::rules
