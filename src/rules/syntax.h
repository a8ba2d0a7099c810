// SPDX-License-Identifier: Apache-2.0
// Where a text stops being JSON (RFC 8259), and why. simdjson says that it does, but not where;
// and a person who forgot a comma wants to know.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace vigil::rules {

// What is wrong at one place. All members can be shown on a terminal.
struct SyntaxError {
    size_t offset = 0;      // bytes from the begin of the text
    size_t rule = 0;        // in which element of the outermost array, from 1; 0: in none
    std::string key;        // in the value of which key of that element; empty: in none
    bool is_value = false;  // `found` stands where the key's value is to be
    std::string expected;
    std::string found;
};

// The first fault of a text that begins with '['; none: it is JSON.
std::optional<SyntaxError> find_syntax_error(std::string_view text);

// What begins there, in words or as it is written: "the end of the file", "'{'", "NaN".
std::string describe(std::string_view text, size_t offset);

// At most 60 bytes of foreign text, safe for a terminal; "..." stands for what was left out.
std::string excerpt(std::string_view untrusted);

}  // namespace vigil::rules
