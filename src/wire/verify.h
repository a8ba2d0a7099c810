// SPDX-License-Identifier: Apache-2.0
// Whether a certificate is good, and why not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "wire/bundle.h"

namespace vigil::wire {

// Where the certificate in question comes from: "the peer's certificate", "its certificate".
enum class Source { peer, file };

// Why a certificate was not accepted, as a clause: "the peer's certificate expired on ...".
// `error`: one of X509_V_ERR_*. `depth`: 0 for the certificate itself, more for that of its CA.
// `wanted`: the role that it should be for, if one. The text is printable and of bounded length,
// also where the certificate is hostile.
std::string objection_to(X509* certificate, int error, int depth, Source source,
                         std::optional<Role> wanted);

// The authorities of the bundle: what they signed is trusted.
Result<Store> trust(const Bundle& bundle);

// Holds the bundle's certificate against its authorities at that time, and for `role` where one
// is given. Nothing: it is good; else what objection_to() says of it.
Result<std::optional<std::string>> verify(const Bundle& bundle, std::optional<Role> role,
                                          int64_t now_unix_s);

}  // namespace vigil::wire
