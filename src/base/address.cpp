// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/units.h"

namespace vigil {
namespace {

constexpr size_t max_label_bytes = 63;

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
    const auto invalid = [&] {
        return usage_error(
            fmt::format("'{}': expected HOST, HOST:PORT or [IPV6]:PORT", escape_terminal(text)));
    };
    Address address;
    std::string_view port;
    if (text.starts_with('[')) {
        const size_t end = text.find(']');
        if (end == std::string_view::npos) {
            return invalid();
        }
        address.host = text.substr(1, end - 1);
        port = text.substr(end + 1);
    } else if (std::count(text.begin(), text.end(), ':') > 1) {
        address.host = text;  // an IPv6 address without a port
    } else {
        const size_t colon = std::min(text.find(':'), text.size());
        address.host = text.substr(0, colon);
        port = text.substr(colon);
    }
    if (!port.empty()) {
        const auto number = parse_number(port.substr(1), 1, UINT16_MAX);
        if (port[0] != ':' || !number) {
            return invalid();
        }
        address.port = static_cast<uint16_t>(*number);
    }
    const bool plain = std::all_of(address.host.begin(), address.host.end(), [](char c) {
        return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '%';
    });
    // getaddrinfo(3) would take "7496" for 0.0.29.72, and "127.1" for 127.0.0.1.
    const size_t last = address.host.rfind('.') + 1;
    const bool numeric = plain && address.host.find(':') == std::string::npos &&
                         last < address.host.size() && address.host[last] >= '0' &&
                         address.host[last] <= '9' &&
                         (address.host.find_first_not_of("0123456789", last) == std::string::npos ||
                          address.host.compare(last, 2, "0x") == 0);
    if (numeric && address_bytes(address.host).empty()) {
        return usage_error(
            fmt::format("'{}': expected HOST, HOST:PORT or [IPV6]:PORT; an IPv4 address has four "
                        "numbers, and its port follows a colon: 127.0.0.1:{}",
                        escape_terminal(text), default_port));
    }
    return address.host.empty() || !plain ? Result<Address>(invalid()) : Result<Address>(address);
}

std::string to_string(const Address& address) {
    return address.host.find(':') != std::string::npos
               ? fmt::format("[{}]:{}", address.host, address.port)
               : fmt::format("{}:{}", address.host, address.port);
}

bool has_name_characters(std::string_view text) {
    return !text.empty() && is_letter_or_digit(text[0]) &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
           });
}

bool is_name(std::string_view text) {
    return text.size() <= max_agent_name_bytes && has_name_characters(text);
}

bool is_host_name(std::string_view text) {
    if (!has_name_characters(text) || text.size() > max_host_bytes) {
        return false;
    }
    std::string_view label;
    while (true) {
        const size_t dot = text.find('.');
        label = text.substr(0, dot);
        if (label.empty() || label.size() > max_label_bytes) {
            return false;
        }
        if (dot == std::string_view::npos) {
            break;
        }
        text.remove_prefix(dot + 1);
    }
    return std::any_of(label.begin(), label.end(), [](char c) { return c < '0' || c > '9'; });
}

std::string address_bytes(const std::string& text) {
    if (text.find('\0') != std::string::npos) {
        return {};  // inet_pton() would stop at a NUL
    }
    std::array<char, sizeof(in6_addr)> bytes{};
    if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) {
        return {bytes.data(), sizeof(in_addr)};
    }
    if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
        return {bytes.data(), sizeof(in6_addr)};
    }
    return {};
}

std::string address_text(std::string_view bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const int family = bytes.size() == sizeof(in_addr) ? AF_INET : AF_INET6;
    if ((bytes.size() != sizeof(in_addr) && bytes.size() != sizeof(in6_addr)) ||
        ::inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr) {
        return "?";
    }
    return text.data();
}

}  // namespace vigil
