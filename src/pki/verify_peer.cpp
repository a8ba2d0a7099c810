// SPDX-License-Identifier: Apache-2.0
#include "pki/verify_peer.h"

#include <fmt/format.h>

#include "base/text.h"

namespace vigil::pki {
namespace {

constexpr size_t max_list_bytes = 200;

std::string list_of(const std::vector<std::string>& addresses) {
    std::string list;
    for (const std::string& address : addresses) {
        if (list.size() + address.size() > max_list_bytes) {
            return list.empty() ? "..." : list + ", ...";
        }
        list += (list.empty() ? "" : ", ") + address;
    }
    return list.empty() ? "none" : list;
}

std::string_view purpose_text(X509* certificate, std::optional<Role> wanted) {
    const auto role = role_of(certificate);
    if (wanted == Role::agent) {
        return role == Role::server ? "is a server's, not an agent's" : "is not for agents";
    }
    return role == Role::agent ? "is an agent's, not a server's" : "is not for servers";
}

}  // namespace

std::string verify_error_text(X509* certificate, int error, int depth, CertificateSource source,
                              std::optional<Role> wanted) {
    const std::string owner = source == CertificateSource::peer ? "the peer's" : "its";
    const std::string subject = owner + (depth == 0 ? " certificate" : " CA's certificate");
    switch (error) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return fmt::format("{} expired on {}", subject,
                               utc_text(validity_of(certificate).until_unix_s));
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return fmt::format("{} is valid only from {} on (is a clock wrong?)", subject,
                               utc_text(validity_of(certificate).from_unix_s));
        case X509_V_ERR_INVALID_PURPOSE:
            return fmt::format("{} {}", subject, purpose_text(certificate, wanted));
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return fmt::format("{} is for other names: {}", subject,
                               list_of(addresses_of(certificate)));
        case X509_V_ERR_APPLICATION_VERIFICATION:
            return subject + " has no valid name";
        case X509_V_ERR_SUBJECT_ISSUER_MISMATCH:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_CERT_UNTRUSTED:
            return fmt::format("{} certificate is not signed by {}", owner,
                               source == CertificateSource::peer ? "our CA" : "the CA in the file");
        case X509_V_ERR_INVALID_CA:
        case X509_V_ERR_PATH_LENGTH_EXCEEDED:
            return fmt::format(
                "{} certificate is signed by a certificate that must not sign others", owner);
        default:
            return fmt::format("{} was refused: {}", subject, X509_verify_cert_error_string(error));
    }
}

Result<CertificateStore> trust(const PemBundle& bundle) {
    CertificateStore store(X509_STORE_new());
    bool made = store != nullptr;
    for (const Certificate& authority : bundle.authorities) {
        made = made && X509_STORE_add_cert(store.get(), authority.get()) == 1;
    }
    if (!made) {
        return openssl_error("taking in the CA's certificate");
    }
    return store;
}

Result<std::optional<std::string>> verify(const PemBundle& bundle, std::optional<Role> role,
                                          int64_t now_unix_s) {
    TRY_ASSIGN(const CertificateStore store, trust(bundle));
    const StoreContext context(X509_STORE_CTX_new());
    if (!context ||
        X509_STORE_CTX_init(context.get(), store.get(), bundle.certificate.get(), nullptr) != 1) {
        return openssl_error("verifying a certificate");
    }
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()), now_unix_s);
    if (role) {
        X509_STORE_CTX_set_purpose(context.get(), *role == Role::server ? X509_PURPOSE_SSL_SERVER
                                                                        : X509_PURPOSE_SSL_CLIENT);
    }
    int error = X509_V_OK;
    int depth = 0;
    X509* certificate = bundle.certificate.get();
    if (X509_verify_cert(context.get()) != 1) {
        error = X509_STORE_CTX_get_error(context.get());
        depth = X509_STORE_CTX_get_error_depth(context.get());
        certificate = X509_STORE_CTX_get_current_cert(context.get());
    } else if (role && !allows(certificate, *role)) {
        error = X509_V_ERR_INVALID_PURPOSE;
    }
    ERR_clear_error();
    if (error == X509_V_OK) {
        return std::optional<std::string>();
    }
    return std::optional<std::string>(
        verify_error_text(certificate != nullptr ? certificate : bundle.certificate.get(), error,
                          depth, CertificateSource::file, role));
}

}  // namespace vigil::pki
