// SPDX-License-Identifier: Apache-2.0
// Where a server is reached, and the names of machines and agents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vigil {

constexpr uint16_t default_port = 7411;
constexpr size_t max_host_bytes = 253;
constexpr size_t max_agent_name_bytes =
    64;  // of an agent; a certificate's common name takes no more

struct Address {
    std::string host;  // a name, or an IP address without brackets
    uint16_t port = default_port;
};

// "HOST", "HOST:PORT", "[IPV6]:PORT".
Result<Address> parse_address(std::string_view text);
std::string to_string(const Address& address);

// Letters, digits, dots, underscores and hyphens, a letter or digit first.
bool has_name_characters(std::string_view text);

// A name of an agent: 1 to 64 of these.
bool is_name(std::string_view text);

// Labels of such characters between dots, the last of which is no number: that would be a mistyped
// IP address.
bool is_host_name(std::string_view text);

// The 4 or 16 bytes of an IPv4 or IPv6 address; empty where the text is none.
std::string address_bytes(const std::string& text);

// The other way round; "?" where the bytes are none.
std::string address_text(std::string_view bytes);

}  // namespace vigil
