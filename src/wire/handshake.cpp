// SPDX-License-Identifier: Apache-2.0
#include "wire/handshake.h"

#include <fmt/format.h>
#include <openssl/sslerr.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "pki/verify_peer.h"
#include "wire/tls.h"

namespace vigil::wire {
namespace {

// Index of an SSL object's own std::string: why its peer was refused.
int rejection_index() {
    static const int index = SSL_get_ex_new_index(
        0, nullptr, nullptr,
        [](CRYPTO_EX_DATA*, const CRYPTO_EX_DATA*, void** copy, int, long, void*) {
            *copy = nullptr;
            return 1;
        },
        [](void*, void* rejection, CRYPTO_EX_DATA*, int, long, void*) {
            delete static_cast<std::string*>(rejection);
        });
    return index;
}

void store_rejection(SSL* ssl, std::string text) {
    auto* stored = static_cast<std::string*>(SSL_get_ex_data(ssl, rejection_index()));
    if (stored != nullptr) {
        *stored = std::move(text);
        return;
    }
    auto rejection = std::make_unique<std::string>(std::move(text));
    if (SSL_set_ex_data(ssl, rejection_index(), rejection.get()) == 1) {
        static_cast<void>(rejection.release());
    }
}

// The alert that the peer sent before it closed the connection (RFC 8446, 6.2).
std::string alert_text(int alert) {
    switch (alert) {
        case SSL_AD_CERTIFICATE_EXPIRED:
            return "the peer refused our certificate: it has expired";
        case SSL_AD_UNSUPPORTED_CERTIFICATE:
            return "the peer refused our certificate: it is not made for this role";
        case SSL_AD_UNKNOWN_CA:
            return "the peer refused our certificate: it trusts another CA";
        case SSL_AD_CERTIFICATE_REQUIRED:
            return "the peer refused us: it wants a certificate";
        case SSL_AD_BAD_CERTIFICATE:
        case SSL_AD_CERTIFICATE_REVOKED:
        case SSL_AD_CERTIFICATE_UNKNOWN:
        case SSL_AD_DECRYPT_ERROR:
            return "the peer refused this side's certificate and reports the reason itself";
        case SSL_AD_PROTOCOL_VERSION:
            return "the peer speaks another version of TLS: 1.3 is needed";
        default:
            return fmt::format("the peer ended the handshake with the TLS alert \"{}\"",
                               SSL_alert_desc_string_long(alert));
    }
}

std::string reason_of(unsigned long code) {
    const int reason = ERR_GET_REASON(code);
    if (ERR_SYSTEM_ERROR(code) || ERR_GET_LIB(code) != ERR_LIB_SSL) {
        return fmt::format("the handshake failed: {}", pki::reason_text(code));
    }
    if (reason >= SSL_AD_REASON_OFFSET) {
        return alert_text(reason - SSL_AD_REASON_OFFSET);
    }
    switch (reason) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
            return "the peer speaks no TLS";
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
            return "the peer speaks another version of TLS: 1.3 is needed";
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
            return "the peer showed no certificate";
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
            return "the peer ended the connection";
        default:
            return fmt::format("the handshake failed: {}", pki::reason_text(code));
    }
}

// Why OpenSSL or vigil refuses the certificate; X509_V_OK: accepted.
int error_of(int accepted, X509_STORE_CTX* context, pki::Role wanted) {
    if (accepted != 1) {
        return X509_STORE_CTX_get_error(context);
    }
    if (X509_STORE_CTX_get_error_depth(context) > 0) {
        return X509_V_OK;
    }
    X509* certificate = X509_STORE_CTX_get_current_cert(context);
    if (!pki::allows(certificate, wanted)) {
        return X509_V_ERR_INVALID_PURPOSE;
    }
    return pki::identity_of(certificate) ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION;
}

}  // namespace

int verify_peer(int accepted, X509_STORE_CTX* context) noexcept {
    auto* ssl = static_cast<SSL*>(
        X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const pki::Role wanted = SSL_is_server(ssl) == 1 ? pki::Role::agent : pki::Role::server;
    const int error = error_of(accepted, context, wanted);
    if (error == X509_V_OK) {
        return 1;
    }
    store_rejection(ssl, pki::verify_error_text(X509_STORE_CTX_get_current_cert(context), error,
                                                X509_STORE_CTX_get_error_depth(context),
                                                pki::CertificateSource::peer, wanted));
    X509_STORE_CTX_set_error(context, error);
    return 0;
}

std::string handshake_failure(SSL* ssl, unsigned long code) {
    if (code == 0) {
        code = ERR_get_error();
    }
    ERR_clear_error();
    code &= UINT32_MAX;  // Asio stores it in an int, which may have become negative
    const auto* rejection =
        static_cast<const std::string*>(SSL_get_ex_data(ssl, rejection_index()));
    if (rejection != nullptr) {
        return *rejection;
    }
    return code != 0 ? reason_of(code) : "the peer ended the connection";
}

}  // namespace vigil::wire
