// SPDX-License-Identifier: Apache-2.0
// Verification of a peer's certificate during a handshake.
#pragma once

#include <openssl/ssl.h>

namespace vigil::wire {

// The callback of SSL_CTX_set_verify(). In addition to OpenSSL's checks, a peer's certificate must
// be for the other role and have a valid name. The reason of a refusal is stored for
// handshake_failure().
int verify_peer(int accepted, X509_STORE_CTX* context) noexcept;

}  // namespace vigil::wire
