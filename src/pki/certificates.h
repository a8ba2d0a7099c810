// SPDX-License-Identifier: Apache-2.0
// A small CA for one fleet: its own certificate, and those that it issues to servers and agents.
// Values in, PEM text out; the caller writes files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vigil::pki {

// Bound of a file with certificates.
constexpr size_t max_pem_bytes = 1 << 20;

enum class Role { server, agent };

// "server" or "agent".
std::string_view to_string(Role role);

struct Validity {
    int64_t from_unix_s = 0;
    int64_t until_unix_s = 0;
};

// Starts an hour before `now_unix_s`, because clocks differ, and ends `days` after it.
Validity valid_for_days(int64_t now_unix_s, uint64_t days);

// "2026-11-20 22:33:49 UTC".
std::string utc_text(int64_t unix_s);

struct Authority {
    std::string certificate_pem;
    std::string key_pem;  // its owner can join the fleet under any name
};

// A new key and a self-signed certificate that may sign those of servers and agents, but no other
// CA's. Its name is "vigil CA " and 8 random hexadecimal digits.
Result<Authority> create_ca(const Validity& validity);

// Checks the name of a server or an agent: 1 to 64 letters, digits, dots, underscores and hyphens,
// starting with a letter or digit. Such a name is safe as a file name and on a terminal. 64 is the
// limit of X.509 (RFC 5280, ub-common-name).
Result<void> check_name(std::string_view name);

struct CertificateRequest {
    std::string name;
    Role role = Role::agent;
    // Host names and IP addresses of a server besides its name; an agent has none.
    std::vector<std::string> addresses;
    Validity validity;  // truncated to the CA's own
};

// The text of a NAME.pem file: a new private key, its certificate, the CA's certificate. A server's
// certificate is not valid for an agent, and vice versa. Fails with code usage if a name or an
// address is invalid.
Result<std::string> issue(const Authority& ca, const CertificateRequest& request);

// The content of a certificate. All text is printable.
struct CertificateInfo {
    std::string name;
    bool is_ca = false;
    std::optional<Role> role;  // nullopt: a CA's certificate, or one that vigil did not issue
    std::vector<std::string> addresses;  // host names and IP addresses
    Validity validity;
    std::string ca_name;      // issuer that the certificate names, verified or not
    std::string fingerprint;  // SHA-256 of the certificate in lower-case hex
    bool has_key = false;     // the text has the private key of this certificate
    std::string error;        // why it is not valid at the given time; empty if it is
};

// Reads the first certificate of a NAME.pem or ca.pem file, and verifies it against the CA
// certificates after it. Fails if there is no certificate.
Result<CertificateInfo> describe(std::string_view pem, int64_t now_unix_s);

}  // namespace vigil::pki
