// SPDX-License-Identifier: Apache-2.0
// What a .pem file of the fleet holds, and what its certificates say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pki/certificates.h"
#include "pki/openssl.h"

namespace vigil::pki {

struct PemBundle {
    Key key;                               // nothing: the text holds none
    Certificate certificate;               // the first in the text; nothing: it holds none
    std::vector<Certificate> authorities;  // the ones behind it
};

// Reads keys and certificates; other PEM blocks are skipped. Errors are predicates without a
// subject: "holds two private keys". Asks nobody for a password.
Result<PemBundle> read_pem_bundle(std::string_view pem);

// The one common name of the subject or issuer, as it stands there: any bytes.
std::optional<std::string> common_name(const X509_NAME* name);

// The common name of the subject if check_name() finds nothing wrong with it.
std::optional<std::string> identity_of(const X509* certificate);

// Host names and IP addresses of the subjectAltName, printable.
std::vector<std::string> addresses_of(const X509* certificate);

Validity validity_of(const X509* certificate);

// Whether its extended key usage names this role. One that names none is for neither.
bool allows(X509* certificate, Role role);

// The only role that it allows.
std::optional<Role> role_of(X509* certificate);

bool is_ca(X509* certificate);

// SHA-256 of the whole certificate.
std::string fingerprint_of(const X509* certificate);

}  // namespace vigil::pki
