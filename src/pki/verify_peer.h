// SPDX-License-Identifier: Apache-2.0
// Whether a certificate is good, and why not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "pki/pem_bundle.h"

namespace vigil::pki {

// Where the certificate in question comes from: "the peer's certificate", "its certificate".
enum class CertificateSource { peer, file };

// Why a certificate was not accepted, as a clause: "the peer's certificate expired on ...".
// `error`: one of X509_V_ERR_*. `depth`: 0 for the certificate itself, more for that of its CA.
// `wanted`: the role that it should be for, if one. The text is printable and of bounded length,
// also where the certificate is hostile.
std::string verify_error_text(X509* certificate, int error, int depth, CertificateSource source,
                              std::optional<Role> wanted);

// The authorities of the bundle: what they signed is trusted.
Result<CertificateStore> trust(const PemBundle& bundle);

// Holds the bundle's certificate against its authorities at that time, and for `role` where one
// is given. Nothing: it is good; else what verify_error_text() says of it.
Result<std::optional<std::string>> verify(const PemBundle& bundle, std::optional<Role> role,
                                          int64_t now_unix_s);

}  // namespace vigil::pki
