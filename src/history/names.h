// SPDX-License-Identifier: Apache-2.0
// What people call a process, a unit or a user, compared with what a certificate says.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vigil::history {

// Bytes of a process name that the kernel keeps (TASK_COMM_LEN less its NUL).
constexpr size_t longest_comm = 15;

// Equal, or where `pattern` has wildcards, matched by it (fnmatch(3), a slash is no border).
bool matches_name(const std::string& pattern, const std::string& name);

bool has_wildcards(std::string_view pattern);
bool is_number(std::string_view text);

// The longest part that stands as it is in JSON wherever the pattern matches; "" where there is
// none.
std::string literal_part(std::string_view pattern);

}  // namespace vigil::history
