// SPDX-License-Identifier: Apache-2.0
// Where a server is reached: host names and IP addresses as certificates hold them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vigil::wire {

constexpr size_t longest_host_bytes = 253;

// Letters, digits, dots, underscores and hyphens, a letter or digit first.
bool has_name_characters(std::string_view text);

// Labels of such characters between dots, the last of which is no number: that would be a mistyped
// IP address.
bool is_host_name(std::string_view text);

// The 4 or 16 bytes of an IPv4 or IPv6 address; empty where the text is none.
std::string address_bytes(const std::string& text);

// The other way round; "?" where the bytes are none.
std::string address_text(std::string_view bytes);

}  // namespace vigil::wire
