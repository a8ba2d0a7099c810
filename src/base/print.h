// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string_view>
#include <utility>

namespace vigil {

// Writes all of it to the descriptor of a standard stream, also where that does not block and is
// full: it waits then. What can't be written is dropped: messages about a run must not end it. A
// reader of a pipe that has gone is no error.
void write_text(std::FILE* stream, std::string_view text);

// errno of the first write to standard output that failed; 0: none.
int output_error();

template <class... Values>
void print(std::FILE* stream, fmt::format_string<Values...> format, Values&&... values) {
    write_text(stream, fmt::format(format, std::forward<Values>(values)...));
}

}  // namespace vigil
