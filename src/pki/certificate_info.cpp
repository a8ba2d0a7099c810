// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "base/text.h"
#include "pki/certificates.h"
#include "pki/pem_bundle.h"
#include "pki/verify_peer.h"

namespace vigil::pki {
namespace {

constexpr size_t max_name_bytes = 253;

std::string printable_name(const X509_NAME* name) {
    const std::string text =
        escape_terminal(common_name(name).value_or("").substr(0, max_name_bytes));
    return text.empty() ? "-" : text;
}

Result<std::string> find_error(PemBundle& bundle, const CertificateInfo& info, int64_t now_unix_s) {
    X509* certificate = bundle.certificate.get();
    if (bundle.key && !info.has_key) {
        return std::string("its private key is another certificate's");
    }
    if (info.is_ca && bundle.authorities.empty()) {
        CHECK(X509_up_ref(certificate) == 1);
        bundle.authorities.emplace_back(certificate);
    } else if (bundle.authorities.empty()) {
        return std::string("no CA's certificate follows its own");
    }
    TRY_ASSIGN(const auto found, verify(bundle, info.role, now_unix_s));
    if (found || info.is_ca) {
        return found.value_or("");
    }
    if (!info.role) {
        return std::string("its certificate is neither a server's nor an agent's");
    }
    return std::string(identity_of(certificate) ? "" : "its certificate has no valid name");
}

}  // namespace

std::string utc_text(int64_t unix_s) {
    const std::time_t time = unix_s;
    std::tm fields{};
    if (::gmtime_r(&time, &fields) == nullptr) {
        return "?";
    }
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", fields.tm_year + 1900,
                       fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min,
                       fields.tm_sec);
}

Result<CertificateInfo> describe(std::string_view pem, int64_t now_unix_s) {
    auto bundle = read_pem_bundle(pem);
    if (!bundle) {
        return usage_error("it " + bundle.error().context);
    }
    if (!bundle->certificate) {
        return usage_error("it holds no certificate");
    }
    X509* certificate = bundle->certificate.get();
    CertificateInfo info{
        .name = printable_name(X509_get_subject_name(certificate)),
        .is_ca = is_ca(certificate),
        .role = role_of(certificate),
        .addresses = addresses_of(certificate),
        .validity = validity_of(certificate),
        .ca_name = printable_name(X509_get_issuer_name(certificate)),
        .fingerprint = fingerprint_of(certificate),
        .has_key = bundle->key && X509_check_private_key(certificate, bundle->key.get()) == 1,
        .error = {},
    };
    ERR_clear_error();
    TRY_ASSIGN(info.error, find_error(*bundle, info, now_unix_s));
    return info;
}

}  // namespace vigil::pki
