// SPDX-License-Identifier: Apache-2.0
// Addresses of servers, and names of machines and agents.
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
    64;  // of an agent; the bound of a certificate's common name

struct Address {
    std::string host;  // host name, or an IP address without brackets
    uint16_t port = default_port;
};

// "HOST", "HOST:PORT", "[IPV6]:PORT".
Result<Address> parse_address(std::string_view text);
std::string to_string(const Address& address);

// True if `text` has only letters, digits, dots, underscores and hyphens, and starts with a letter
// or digit.
bool has_name_characters(std::string_view text);

// An agent's name: 1 to 64 such characters.
bool is_name(std::string_view text);

// A host name: labels of such characters, separated by dots. The last label must not be a number:
// that would be a mistyped IP address.
bool is_host_name(std::string_view text);

// The 4 or 16 bytes of an IPv4 or IPv6 address; empty if `text` is not an address.
std::string address_bytes(const std::string& text);

// The inverse of address_bytes(); "?" for any other number of bytes.
std::string address_text(std::string_view bytes);

}  // namespace vigil
