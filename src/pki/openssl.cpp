// SPDX-License-Identifier: Apache-2.0
#include "pki/openssl.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <iterator>

namespace vigil::pki {

std::string reason_text(unsigned long code) {
    if (ERR_SYSTEM_ERROR(code)) {
        return std::strerror(ERR_GET_REASON(code));
    }
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : fmt::format("OpenSSL error {:#x}", code);
}

Error openssl_error(std::string_view doing) {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    return {ErrorCode::failed, fmt::format("{}: {}", doing, reason_text(code))};
}

std::string sha256_of(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
    std::string hex;
    for (unsigned int i = 0; i < size; i++) {
        fmt::format_to(std::back_inserter(hex), "{:02x}", digest[i]);
    }
    return hex;
}

}  // namespace vigil::pki
