// SPDX-License-Identifier: Apache-2.0
// TLS 1.3 between agents and the server: both show a certificate of the fleet's CA, and the name
// in it is who they are.
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

// The settings of all connections of one side. It accepts nothing but TLS 1.3 and peers whose
// certificate is signed by the file's CA, valid now, made for the other role, and named as
// check_name() wants it. Nothing is resumed: each connection proves itself. Threads may share it.
class TlsContext {
 public:
    // `path`: a file as 'vigil certs issue' writes it. More CA certificates may follow the first:
    // all are trusted, which is how a CA is replaced. Fails with code usage where the file is not
    // good for this role now; the error says why and what to do.
    static Result<TlsContext> load(const std::string& path, pki::Role role);

    // The same with the content at hand; `path` is for the errors.
    static Result<TlsContext> from_pem(std::string_view pem, const std::string& path,
                                       pki::Role role);

    // Stays the TlsContext's; who keeps it longer takes a reference with SSL_CTX_up_ref().
    SSL_CTX* get() const { return context_.get(); }

    // Who this side is.
    const std::string& name() const { return name_; }

    // When the own certificate expires.
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

// The name in the certificate of a peer that has proved itself; nothing before, or without one.
std::optional<std::string> peer_name(SSL* ssl);

// For an agent, before the handshake: the server's certificate must be for this host name or IP
// address (without port and brackets).
Result<void> expect_host(SSL* ssl, const std::string& host);

// Why a handshake failed, in words without a full stop: "the peer's certificate expired on ...".
// Also for the first read of an agent: with TLS 1.3 it learns only there that the server refused
// its certificate. `code`: the error that was already taken from OpenSSL's queue, as Asio does
// (the value of an error code of its SSL category); 0: the queue holds it. Empties the queue.
// Where there is no error, the connection has ended: it says so.
std::string handshake_failure(SSL* ssl, unsigned long code = 0);

// The SHA-256 of any bytes in lower-case hex.
std::string sha256_hex(std::string_view bytes);

}  // namespace vigil::wire
