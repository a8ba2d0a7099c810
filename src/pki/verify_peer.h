// SPDX-License-Identifier: Apache-2.0
// Verification of certificates, with the reason of a failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "pki/pem_bundle.h"

namespace vigil::pki {

// Origin of the certificate: "the peer's certificate", "its certificate".
enum class CertificateSource { peer, file };

// Why a certificate was not accepted, as a clause: "the peer's certificate expired on ...".
// `error`: one of X509_V_ERR_*. `depth`: 0 for the certificate itself, more for its CA's. `wanted`:
// the required role, if any. The text is printable and of bounded length, also for a hostile
// certificate.
std::string verify_error_text(X509* certificate, int error, int depth, CertificateSource source,
                              std::optional<Role> wanted);

// Trusts the authorities of the bundle.
Result<CertificateStore> trust(const PemBundle& bundle);

// Verifies the bundle's certificate against its authorities at that time, and for `role` if given.
// nullopt: valid; otherwise the text of verify_error_text().
Result<std::optional<std::string>> verify(const PemBundle& bundle, std::optional<Role> role,
                                          int64_t now_unix_s);

}  // namespace vigil::pki
