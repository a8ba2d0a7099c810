// SPDX-License-Identifier: Apache-2.0
#include "wire/tls.h"

#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "base/address.h"
#include "base/file.h"
#include "base/text.h"
#include "pki/pem_bundle.h"
#include "pki/verify_peer.h"
#include "wire/handshake.h"

namespace vigil::wire {
namespace {

std::string command_for(pki::Role role, const std::string& name) {
    return fmt::format("vigil certs issue {}{}", role == pki::Role::server ? "--server " : "",
                       name);
}

// The remedy depends on the file's origin.
std::string how_to_renew(const pki::PemBundle& bundle, pki::Role role) {
    const auto name =
        bundle.certificate ? pki::identity_of(bundle.certificate.get()) : std::nullopt;
    return name ? fmt::format("on the CA's machine, '{} --force' creates a new one",
                              command_for(role, *name))
                : fmt::format("on the CA's machine, '{}' creates one", command_for(role, "NAME"));
}

// An error of the file itself, as a predicate; empty: none.
std::string find_parts_error(const pki::PemBundle& bundle) {
    if (!bundle.certificate) {
        return "holds no certificate";
    }
    if (!bundle.key) {
        return "holds no private key";
    }
    if (X509_check_private_key(bundle.certificate.get(), bundle.key.get()) != 1) {
        ERR_clear_error();
        return "holds the private key of another certificate";
    }
    if (bundle.authorities.empty()) {
        return "has no CA's certificate after its own";
    }
    for (const pki::Certificate& authority : bundle.authorities) {
        if (!pki::is_ca(authority.get())) {
            return "has a certificate after its own that is not a CA's";
        }
    }
    return pki::identity_of(bundle.certificate.get()) ? ""
                                                      : "has a certificate without a valid name";
}

Result<void> check(const pki::PemBundle& bundle, const std::string& quoted_path, pki::Role role) {
    if (const std::string error = find_parts_error(bundle); !error.empty()) {
        return usage_error(
            fmt::format("{} {}; {}", quoted_path, error, how_to_renew(bundle, role)));
    }
    X509* certificate = bundle.certificate.get();
    if (!pki::allows(certificate, role)) {
        return usage_error(
            fmt::format("{} {}; on the CA's machine, '{}' creates one", quoted_path,
                        role == pki::Role::server ? "is not a server's" : "is not an agent's",
                        command_for(role, "NAME")));
    }
    TRY_ASSIGN(const auto error, pki::verify(bundle, role, std::time(nullptr)));
    if (error) {
        return usage_error(
            fmt::format("{}: {}; {}", quoted_path, *error, how_to_renew(bundle, role)));
    }
    return {};
}

Result<void> set_up(SSL_CTX* context, const pki::PemBundle& bundle) {
    TRY_ASSIGN(pki::CertificateStore store, pki::trust(bundle));
    if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate(context, bundle.certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, bundle.key.get()) != 1 ||
        SSL_CTX_set_num_tickets(context, 0) != 1) {
        return pki::openssl_error("setting up TLS");
    }
    SSL_CTX_set_cert_store(context, store.release());
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);  // the peer has the CA's certificate
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify_peer);
    return {};
}

}  // namespace

Result<TlsContext> TlsContext::load(const std::string& path, pki::Role role) {
    auto pem = read_file(path, pki::max_pem_bytes);
    if (!pem) {
        return usage_error(pem.error().context);
    }
    return from_pem(*pem, path, role);
}

Result<TlsContext> TlsContext::from_pem(std::string_view pem, const std::string& path,
                                        pki::Role role) {
    const std::string quoted_path = '\'' + escape_terminal(path) + '\'';
    auto bundle = pki::read_pem_bundle(pem);
    if (!bundle) {
        return usage_error(fmt::format("{} {}; {}", quoted_path, bundle.error().context,
                                       how_to_renew(pki::PemBundle{}, role)));
    }
    TRY(check(*bundle, quoted_path, role));
    TlsContext tls;
    tls.context_.reset(
        SSL_CTX_new(role == pki::Role::server ? TLS_server_method() : TLS_client_method()));
    if (!tls.context_) {
        return pki::openssl_error("setting up TLS");
    }
    TRY(set_up(tls.context_.get(), *bundle));
    tls.name_ = *pki::identity_of(bundle->certificate.get());
    tls.until_unix_s_ = pki::validity_of(bundle->certificate.get()).until_unix_s;
    return tls;
}

std::optional<std::string> peer_name(SSL* ssl) {
    const X509* certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == nullptr || SSL_is_init_finished(ssl) != 1 ||
        SSL_get_verify_result(ssl) != X509_V_OK) {
        return std::nullopt;
    }
    return pki::identity_of(certificate);
}

Result<void> expect_host(SSL* ssl, const std::string& host) {
    X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
    // The subject's common name is the server's name, not its address.
    X509_VERIFY_PARAM_set_hostflags(
        parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const std::string ip = address_bytes(host);
    const auto* ip_data = reinterpret_cast<const unsigned char*>(ip.data());
    // OpenSSL takes an empty name as a request not to check.
    const bool set =
        ip.empty() ? is_host_name(host) &&
                         X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size()) == 1
                   : X509_VERIFY_PARAM_set1_ip(parameters, ip_data, ip.size()) == 1;
    if (!set) {
        ERR_clear_error();
        return usage_error(
            fmt::format("the server's address {}: expected a host name or an IP address",
                        quote_if_needed(host)));
    }
    return {};
}

std::string sha256_hex(std::string_view bytes) { return pki::sha256_of(bytes); }

}  // namespace vigil::wire
