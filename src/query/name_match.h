// SPDX-License-Identifier: Apache-2.0
// What people call a process, a unit or a user, compared with what a record says.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vigil::query {

// Bytes of a process name that the kernel keeps (TASK_COMM_LEN less its NUL).
constexpr size_t max_comm_bytes = 15;

// Equal, or where `pattern` has wildcards, matched by it (fnmatch(3), a slash is no border).
bool matches_name(const std::string& pattern, const std::string& name);

bool has_wildcards(std::string_view pattern);
bool is_number(std::string_view text);

// The longest part that stands as it is in JSON wherever the pattern matches; "" where there is
// none.
std::string find_literal(std::string_view pattern);

}  // namespace vigil::query
