// SPDX-License-Identifier: Apache-2.0
// Helpers for a user's name of a process, unit or user; model/name_pattern.h compares it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vigil::query {

// Bytes of a process name that the kernel keeps (TASK_COMM_LEN less its NUL).
constexpr size_t max_comm_bytes = 15;

// The longest part of the pattern that occurs unescaped in the JSON of every match; "" if there is
// none.
std::string find_literal(std::string_view pattern);

}  // namespace vigil::query
