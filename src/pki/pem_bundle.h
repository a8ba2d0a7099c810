// SPDX-License-Identifier: Apache-2.0
// The content of a fleet's .pem file, and fields of its certificates.
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
    Key key;                               // null: the text has none
    Certificate certificate;               // the first in the text; null: there is none
    std::vector<Certificate> authorities;  // the following ones
};

// Reads keys and certificates; other PEM blocks are skipped. Errors are predicates without a
// subject: "holds two private keys". Never prompts for a password.
Result<PemBundle> read_pem_bundle(std::string_view pem);

// The single common name of the subject or issuer, unchecked: any bytes.
std::optional<std::string> common_name(const X509_NAME* name);

// The common name of the subject if check_name() accepts it.
std::optional<std::string> identity_of(const X509* certificate);

// Host names and IP addresses of the subjectAltName, printable.
std::vector<std::string> addresses_of(const X509* certificate);

Validity validity_of(const X509* certificate);

// True if its extended key usage includes this role. A certificate without one is for neither.
bool allows(X509* certificate, Role role);

// The role, if it allows exactly one.
std::optional<Role> role_of(X509* certificate);

bool is_ca(X509* certificate);

// SHA-256 of the whole certificate.
std::string fingerprint_of(const X509* certificate);

}  // namespace vigil::pki
