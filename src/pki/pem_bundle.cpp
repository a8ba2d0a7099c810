// SPDX-License-Identifier: Apache-2.0
#include "pki/pem_bundle.h"

#include <fmt/format.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/address.h"
#include "base/text.h"

namespace vigil::pki {
namespace {

// Three allocations that PEM_read_bio() returns.
struct Block {
    char* kind = nullptr;  // label after BEGIN
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;

    Block() = default;
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block() {
        OPENSSL_free(kind);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, static_cast<size_t>(size));  // may be a private key
    }
};

Result<void> add_key(PemBundle& bundle, const Block& block) {
    if (std::string_view(block.kind).starts_with("ENCRYPTED") ||
        std::string_view(block.header).find("ENCRYPTED") != std::string_view::npos) {
        return Error{ErrorCode::usage, "holds a private key that is encrypted with a password"};
    }
    if (bundle.key) {
        return usage_error("holds two private keys");
    }
    const unsigned char* data = block.data;
    bundle.key.reset(d2i_AutoPrivateKey(nullptr, &data, block.size));
    if (!bundle.key) {
        ERR_clear_error();
        return usage_error("holds a damaged private key");
    }
    return {};
}

Result<void> add_certificate(PemBundle& bundle, const Block& block) {
    const unsigned char* data = block.data;
    Certificate certificate(d2i_X509(nullptr, &data, block.size));
    if (!certificate || data != block.data + block.size) {
        ERR_clear_error();
        return usage_error("holds a damaged certificate");
    }
    if (bundle.certificate) {
        bundle.authorities.push_back(std::move(certificate));
    } else {
        bundle.certificate = std::move(certificate);
    }
    return {};
}

int64_t unix_s_of(const ASN1_TIME* time) {
    std::tm fields{};
    return ASN1_TIME_to_tm(time, &fields) == 1 ? ::timegm(&fields) : 0;
}

std::string_view bytes_of(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<size_t>(ASN1_STRING_length(text))};
}

std::string printable_address(const GENERAL_NAME* name) {
    if (name->type == GEN_IPADD) {
        return address_text(bytes_of(name->d.iPAddress));
    }
    if (name->type != GEN_DNS) {
        return "?";
    }
    return quote_if_needed(bytes_of(name->d.dNSName).substr(0, max_host_bytes));
}

}  // namespace

Result<PemBundle> read_pem_bundle(std::string_view pem) {
    PemBundle bundle;
    if (pem.empty()) {
        return bundle;
    }
    if (pem.size() > max_pem_bytes) {
        return usage_error("is larger than 1 MiB");
    }
    const Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    if (!text) {
        return openssl_error("can't be read");
    }
    ERR_clear_error();
    while (true) {
        Block block;
        if (PEM_read_bio(text.get(), &block.kind, &block.header, &block.data, &block.size) != 1) {
            break;
        }
        const std::string_view kind(block.kind);
        if (kind.ends_with("PRIVATE KEY")) {
            TRY(add_key(bundle, block));
        } else if (kind == PEM_STRING_X509) {
            TRY(add_certificate(bundle, block));
        }
    }
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_REASON(code) != PEM_R_NO_START_LINE) {
        return usage_error(fmt::format("is damaged: {}", reason_text(code)));
    }
    return bundle;
}

std::optional<std::string> common_name(const X509_NAME* name) {
    const int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (index < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, index) >= 0) {
        return std::nullopt;
    }
    unsigned char* utf8 = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
    if (size < 0) {
        ERR_clear_error();
        return std::nullopt;
    }
    std::string text(reinterpret_cast<const char*>(utf8), static_cast<size_t>(size));
    OPENSSL_free(utf8);
    return text;
}

std::optional<std::string> identity_of(const X509* certificate) {
    auto name = common_name(X509_get_subject_name(certificate));
    return name && check_name(*name) ? name : std::nullopt;
}

std::vector<std::string> addresses_of(const X509* certificate) {
    const GeneralNames names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    std::vector<std::string> addresses;
    const int count = sk_GENERAL_NAME_num(names.get());  // -1: no names
    addresses.reserve(static_cast<size_t>(std::max(count, 0)));
    for (int i = 0; i < count; i++) {
        addresses.push_back(printable_address(sk_GENERAL_NAME_value(names.get(), i)));
    }
    ERR_clear_error();
    return addresses;
}

Validity validity_of(const X509* certificate) {
    return {.from_unix_s = unix_s_of(X509_get0_notBefore(certificate)),
            .until_unix_s = unix_s_of(X509_get0_notAfter(certificate))};
}

bool allows(X509* certificate, Role role) {
    const uint32_t usage = X509_get_extended_key_usage(certificate);
    const uint32_t wanted = role == Role::server ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
    // UINT32_MAX: no such extension, which would allow every usage
    return usage != UINT32_MAX && (usage & wanted) != 0;
}

std::optional<Role> role_of(X509* certificate) {
    const bool server = allows(certificate, Role::server);
    if (server == allows(certificate, Role::agent)) {
        return std::nullopt;
    }
    return server ? Role::server : Role::agent;
}

bool is_ca(X509* certificate) { return X509_check_ca(certificate) == 1; }

std::string fingerprint_of(const X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    CHECK(size >= 0);
    std::string hex = sha256_of({reinterpret_cast<const char*>(der), static_cast<size_t>(size)});
    OPENSSL_free(der);
    return hex;
}

}  // namespace vigil::pki
