// SPDX-License-Identifier: Apache-2.0
// Two ends of a connection in memory, and their handshake.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pki/pem_bundle.h"
#include "wire/tls.h"

namespace vigil::wire {

using Ssl = std::unique_ptr<SSL, pki::FreeWith<SSL_free>>;
using SslContext = std::unique_ptr<SSL_CTX, pki::FreeWith<SSL_CTX_free>>;

// One side. The test moves the bytes, so that it never waits.
class TlsEndpoint {
 public:
    TlsEndpoint(SSL_CTX* context, pki::Role role) : ssl_(SSL_new(context)) {
        SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        BIO_set_mem_eof_return(SSL_get_rbio(ssl_.get()), -1);
        role == pki::Role::server ? SSL_set_accept_state(ssl_.get())
                                  : SSL_set_connect_state(ssl_.get());
    }

    SSL* ssl() const { return ssl_.get(); }
    bool done() const { return SSL_is_init_finished(ssl_.get()) == 1; }
    const std::optional<std::string>& failure() const { return failure_; }

    // Continues the handshake, or reads after it. False once it has failed.
    bool step() {
        if (failure_) {
            return false;
        }
        ERR_clear_error();
        std::array<char, 256> buffer{};
        const int result =
            done() ? SSL_read(ssl(), buffer.data(), buffer.size()) : SSL_do_handshake(ssl());
        if (result > 0) {
            received_.append(buffer.data(), done() ? static_cast<size_t>(result) : 0);
        } else if (const int error = SSL_get_error(ssl(), result);
                   error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            failure_ = handshake_failure(ssl());
            EXPECT_EQ(ERR_peek_error(), 0U) << "the queue is empty";
        }
        return !failure_;
    }

    std::string pop_output() const {
        BIO* out = SSL_get_wbio(ssl());
        std::string bytes(BIO_ctrl_pending(out), '\0');
        if (!bytes.empty()) {
            BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
        }
        return bytes;
    }

    void feed(std::string_view bytes) const {
        if (!bytes.empty()) {
            BIO_write(SSL_get_rbio(ssl()), bytes.data(), static_cast<int>(bytes.size()));
        }
    }

    void close_input() const { BIO_set_mem_eof_return(SSL_get_rbio(ssl()), 0); }

 private:
    Ssl ssl_;
    std::string received_;
    std::optional<std::string> failure_;
};

// Exchanges bytes until neither side has more to send.
inline void run_handshake(TlsEndpoint& agent, TlsEndpoint& server) {
    for (int iteration = 0; iteration < 6; iteration++) {
        agent.step();
        server.feed(agent.pop_output());
        server.step();
        agent.feed(server.pop_output());
    }
}

// A side without vigil's checks, like a foreign program: it accepts any peer, and presents the
// certificate in `pem` (none if empty) with the certificates after the first as a chain.
inline SslContext make_unchecked_context(pki::Role role, const std::string& pem) {
    SslContext context(
        SSL_CTX_new(role == pki::Role::server ? TLS_server_method() : TLS_client_method()));
    auto bundle = pki::read_pem_bundle(pem);
    EXPECT_TRUE(bundle);
    if (bundle && bundle->certificate) {
        EXPECT_EQ(SSL_CTX_use_certificate(context.get(), bundle->certificate.get()), 1);
        EXPECT_EQ(SSL_CTX_use_PrivateKey(context.get(), bundle->key.get()), 1);
        for (const pki::Certificate& authority : bundle->authorities) {
            EXPECT_EQ(SSL_CTX_add1_chain_cert(context.get(), authority.get()), 1);
        }
    }
    return context;
}

}  // namespace vigil::wire
