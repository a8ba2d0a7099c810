// SPDX-License-Identifier: Apache-2.0
// The judgement on a peer's certificate during a handshake.
#pragma once

#include <openssl/ssl.h>

namespace vigil::wire {

// The callback of SSL_CTX_set_verify(). Beyond what OpenSSL checks, a peer's certificate must be
// made for the other role and hold a name. Why it refuses one is kept for handshake_failure().
int verify_peer(int accepted, X509_STORE_CTX* context) noexcept;

}  // namespace vigil::wire
