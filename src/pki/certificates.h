// SPDX-License-Identifier: Apache-2.0
// A small CA for one fleet: its own certificate, and those that it issues to servers and agents.
// Values in, PEM text out; what is written where is the caller's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vigil::pki {

// What a file with certificates may hold.
constexpr size_t max_pem_bytes = 1 << 20;

enum class Role { server, agent };

// "server" or "agent".
std::string_view to_string(Role role);

struct Validity {
    int64_t from_unix_s = 0;
    int64_t until_unix_s = 0;
};

// From an hour before `now_unix_s`, because clocks differ, for `days` from now on.
Validity valid_for_days(int64_t now_unix_s, uint64_t days);

// "2026-11-20 22:33:49 UTC".
std::string utc_text(int64_t unix_s);

struct Authority {
    std::string certificate_pem;
    std::string key_pem;  // whoever has it can join the fleet as anybody
};

// A new key and a certificate, signed by itself, that may sign those of servers and agents but no
// other CA's. Its name is "vigil CA " and 8 random hexadecimal digits.
Result<Authority> create_ca(const Validity& validity);

// What may be the name of a server or an agent: 1 to 64 letters, digits, dots, underscores and
// hyphens, the first one a letter or digit. Such a name is safe as a file name and on a terminal.
// 64 is the limit of X.509 (RFC 5280, ub-common-name).
Result<void> check_name(std::string_view name);

struct CertificateRequest {
    std::string name;
    Role role = Role::agent;
    // Host names and IP addresses under which a server is reached, its name aside; an agent has
    // none.
    std::vector<std::string> addresses;
    Validity validity;  // what exceeds the CA's own is cut off
};

// The text of a NAME.pem file: a new private key, the certificate for it, the CA's certificate.
// A server's certificate is worth nothing as an agent's, and the other way round. Fails with code
// usage where a name or an address is none.
Result<std::string> issue(const Authority& ca, const CertificateRequest& request);

// What a certificate says. All text is printable.
struct CertificateInfo {
    std::string name;
    bool is_ca = false;
    std::optional<Role> role;            // nothing: a CA's, or made by something else
    std::vector<std::string> addresses;  // host names and IP addresses
    Validity validity;
    std::string ca_name;      // who signed it, or claims to have
    std::string fingerprint;  // SHA-256 of the certificate in lower-case hex
    bool has_key = false;     // the text holds a private key, and it is this certificate's
    std::string error;        // why it can't be used at that time; empty where it can
};

// Reads the first certificate of a NAME.pem or ca.pem file, and holds it against the CA's
// certificates behind it. Fails where there is no certificate.
Result<CertificateInfo> describe(std::string_view pem, int64_t now_unix_s);

}  // namespace vigil::pki
