// SPDX-License-Identifier: Apache-2.0
// Compares a user's name of a process, unit or user with that of a record.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vigil::query {

// Bytes of a process name that the kernel keeps (TASK_COMM_LEN less its NUL).
constexpr size_t max_comm_bytes = 15;

// Equal or, if `pattern` has wildcards, matched by fnmatch(3) without flags: `*` also matches a
// slash.
bool matches_name(const std::string& pattern, const std::string& name);

bool has_wildcards(std::string_view pattern);
bool is_number(std::string_view text);

// The longest part of the pattern that occurs unescaped in the JSON of every match; "" if there is
// none.
std::string find_literal(std::string_view pattern);

}  // namespace vigil::query
