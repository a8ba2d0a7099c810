// SPDX-License-Identifier: Apache-2.0
// TLS 1.3 between agents and the server: both present a certificate of the fleet's CA, which names
// them.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "pki/certificates.h"

namespace vigil::wire {

// The settings of all connections of one side. Accepts only TLS 1.3, and only peers whose
// certificate is signed by the file's CA, valid now, issued for the other role, and named as
// check_name() requires. No session resumption: each connection authenticates. May be shared by
// threads.
class TlsContext {
 public:
    // `path`: a file as written by 'vigil certs issue'. More CA certificates may follow the first:
    // all are trusted, which allows replacing a CA. Fails with code usage if the file is not valid
    // for this role now; the error has the reason and the remedy.
    static Result<TlsContext> load(const std::string& path, pki::Role role);

    // The same from the file's content; `path` is for the errors.
    static Result<TlsContext> from_pem(std::string_view pem, const std::string& path,
                                       pki::Role role);

    // Owned by the TlsContext; take a reference with SSL_CTX_up_ref() to keep it longer.
    SSL_CTX* get() const { return context_.get(); }

    // The name in this side's certificate.
    const std::string& name() const { return name_; }

    // When this side's certificate expires.
    int64_t until_unix_s() const { return until_unix_s_; }

 private:
    struct Free {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };

    TlsContext() = default;

    std::unique_ptr<SSL_CTX, Free> context_;
    std::string name_;
    int64_t until_unix_s_ = 0;
};

// The name in the certificate of an authenticated peer; nullopt before, or without a certificate.
std::optional<std::string> peer_name(SSL* ssl);

// For an agent, before the handshake: the server's certificate must be for this host name or IP
// address (without port and brackets).
Result<void> expect_host(SSL* ssl, const std::string& host);

// Why a handshake failed, without a full stop: "the peer's certificate expired on ...". Also for an
// agent's first read: with TLS 1.3 it learns only there that the server refused its certificate.
// `code`: the error that was already taken from OpenSSL's queue, as Asio does (the value of an
// error code of its SSL category); 0: it is in the queue. Empties the queue. Without any error the
// text states that the connection ended.
std::string handshake_failure(SSL* ssl, unsigned long code = 0);

// The SHA-256 of the bytes in lower-case hex.
std::string sha256_hex(std::string_view bytes);

}  // namespace vigil::wire
