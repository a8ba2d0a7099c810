// SPDX-License-Identifier: Apache-2.0
#include "pki/certificates.h"

#include <fmt/format.h>
#include <openssl/pem.h>

#include <algorithm>
#include <utility>

#include "base/address.h"
#include "base/text.h"
#include "pki/openssl.h"
#include "pki/pem_bundle.h"

namespace vigil::pki {
namespace {

constexpr int64_t s_per_hour = 3600;
constexpr int serial_bits = 128;

bool add_address(GENERAL_NAMES* names, const std::string& address) {
    const std::string bytes = address_bytes(address);
    const std::string& content = bytes.empty() ? address : bytes;
    ASN1_STRING* text = bytes.empty() ? ASN1_IA5STRING_new() : ASN1_OCTET_STRING_new();
    GENERAL_NAME* name = GENERAL_NAME_new();
    if (text == nullptr || name == nullptr ||
        ASN1_STRING_set(text, content.data(), static_cast<int>(content.size())) != 1) {
        ASN1_STRING_free(text);
        GENERAL_NAME_free(name);
        return false;
    }
    GENERAL_NAME_set0_value(name, bytes.empty() ? GEN_DNS : GEN_IPADD, text);
    if (sk_GENERAL_NAME_push(names, name) == 0) {
        GENERAL_NAME_free(name);
        return false;
    }
    return true;
}

bool add_addresses(X509* certificate, const std::vector<std::string>& addresses) {
    const GeneralNames names(GENERAL_NAMES_new());
    return names != nullptr &&
           std::all_of(addresses.begin(), addresses.end(),
                       [&](const auto& address) { return add_address(names.get(), address); }) &&
           X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) == 1;
}

// `value` in the notation of x509v3_config(5). Only for constants: names could inject syntax.
bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// 127 random bits after a 1: unique, and positive as RFC 5280 requires.
bool set_serial(X509* certificate) {
    const BigNumber serial(BN_new());
    return serial != nullptr &&
           BN_rand(serial.get(), serial_bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_name(X509* certificate, const std::string& name) {
    X509_NAME* subject = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(name.data()),
                                      static_cast<int>(name.size()), -1, 0) == 1;
}

// A certificate for `key`, without extensions and signature.
Result<Certificate> make_unsigned(const std::string& name, EVP_PKEY* key,
                                  const Validity& validity) {
    Certificate certificate(X509_new());
    if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
        !set_serial(certificate.get()) || !set_name(certificate.get(), name) ||
        X509_set_pubkey(certificate.get(), key) != 1 ||
        ASN1_TIME_set(X509_getm_notBefore(certificate.get()), validity.from_unix_s) == nullptr ||
        ASN1_TIME_set(X509_getm_notAfter(certificate.get()), validity.until_unix_s) == nullptr) {
        return openssl_error("making a certificate");
    }
    return certificate;
}

bool sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
    return X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
           add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
           X509_sign(certificate, issuer_key, EVP_sha256()) > 0;
}

Result<Key> new_key() {
    Key key(EVP_EC_gen("P-256"));
    if (!key) {
        return openssl_error("making a key");
    }
    return key;
}

template <class Write>
Result<std::string> pem_text(Write write) {
    const Bio out(BIO_new(BIO_s_secmem()));
    char* data = nullptr;
    if (!out || write(out.get()) != 1) {
        return openssl_error("writing PEM");
    }
    const long size = BIO_get_mem_data(out.get(), &data);
    return std::string(data, static_cast<size_t>(size));
}

Result<std::string> pem_of(EVP_PKEY* key) {
    return pem_text([&](BIO* out) {
        return PEM_write_bio_PKCS8PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
}

Result<std::string> pem_of(X509* certificate) {
    return pem_text([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

Result<std::vector<std::string>> check_addresses(const CertificateRequest& request) {
    if (request.role == Role::agent) {
        if (!request.addresses.empty()) {
            return usage_error("an agent's certificate has no addresses: only a server needs them");
        }
        return std::vector{request.name};
    }
    std::vector<std::string> addresses;
    const auto add = [&](const std::string& address) {
        if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
            addresses.push_back(address);
        }
    };
    add(request.name);
    for (const std::string& address : request.addresses) {
        add(address);
    }
    for (const std::string& address : addresses) {
        if (!is_host_name(address) && address_bytes(address).empty()) {
            return usage_error(
                fmt::format("{}: expected a host name or an IP address", quote_if_needed(address)));
        }
    }
    return addresses;
}

// The CA's certificate and its matching key.
Result<PemBundle> open_authority(const Authority& ca) {
    auto bundle = read_pem_bundle(ca.key_pem + ca.certificate_pem);
    if (!bundle) {
        return usage_error("the CA " + bundle.error().context);
    }
    if (!bundle->key || !bundle->certificate) {
        return usage_error(fmt::format("the CA has no {}", bundle->key ? "certificate" : "key"));
    }
    if (!is_ca(bundle->certificate.get())) {
        return usage_error("the CA's certificate is no CA's");
    }
    if (X509_check_private_key(bundle->certificate.get(), bundle->key.get()) != 1) {
        ERR_clear_error();
        return usage_error("the CA's key is not that of its certificate");
    }
    return bundle;
}

}  // namespace

std::string_view to_string(Role role) { return role == Role::server ? "server" : "agent"; }

Validity valid_for_days(int64_t now_unix_s, uint64_t days) {
    return {.from_unix_s = now_unix_s - s_per_hour,
            .until_unix_s = now_unix_s + static_cast<int64_t>(days) * 24 * s_per_hour};
}

Result<void> check_name(std::string_view name) {
    const std::string quoted_name = quote_if_needed(name.substr(0, max_host_bytes));
    if (!has_name_characters(name)) {
        return usage_error(fmt::format(
            "the name {}: expected letters, digits, dots, underscores and hyphens, a letter or "
            "digit first",
            quoted_name));
    }
    if (name.size() > max_agent_name_bytes) {
        return usage_error(fmt::format("the name {} has {} characters: a certificate takes {}",
                                       quoted_name, name.size(), max_agent_name_bytes));
    }
    return {};
}

Result<Authority> create_ca(const Validity& validity) {
    TRY_ASSIGN(const Key key, new_key());
    const BigNumber random(BN_new());
    if (!random || BN_rand(random.get(), 32, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) != 1) {
        return openssl_error("naming the CA");
    }
    const std::string name = fmt::format("vigil CA {:08x}", BN_get_word(random.get()));
    TRY_ASSIGN(const Certificate owned, make_unsigned(name, key.get(), validity));
    X509* certificate = owned.get();
    if (!add_extension(certificate, certificate, NID_basic_constraints,
                       "critical,CA:TRUE,pathlen:0") ||
        !add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !sign(certificate, certificate, key.get())) {
        return openssl_error("signing the CA's certificate");
    }
    Authority ca;
    TRY_ASSIGN(ca.certificate_pem, pem_of(certificate));
    TRY_ASSIGN(ca.key_pem, pem_of(key.get()));
    return ca;
}

Result<std::string> issue(const Authority& ca, const CertificateRequest& request) {
    TRY(check_name(request.name));
    TRY_ASSIGN(const std::vector<std::string> addresses, check_addresses(request));
    TRY_ASSIGN(const PemBundle authority, open_authority(ca));
    X509* issuer = authority.certificate.get();

    Validity validity = request.validity;
    validity.until_unix_s = std::min(validity.until_unix_s, validity_of(issuer).until_unix_s);
    TRY_ASSIGN(const Key key, new_key());
    TRY_ASSIGN(const Certificate owned, make_unsigned(request.name, key.get(), validity));
    X509* certificate = owned.get();
    const char* usage = request.role == Role::server ? "serverAuth" : "clientAuth";
    if (!add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") ||
        !add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(certificate, issuer, NID_ext_key_usage, usage) ||
        !add_addresses(certificate, addresses) || !sign(certificate, issuer, authority.key.get())) {
        return openssl_error("signing the certificate");
    }
    TRY_ASSIGN(const std::string key_pem, pem_of(key.get()));
    TRY_ASSIGN(const std::string certificate_pem, pem_of(certificate));
    TRY_ASSIGN(const std::string issuer_pem, pem_of(issuer));
    return key_pem + certificate_pem + issuer_pem;
}

}  // namespace vigil::pki
