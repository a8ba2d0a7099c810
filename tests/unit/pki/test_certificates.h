// SPDX-License-Identifier: Apache-2.0
// Certificates for tests: a CA, and certificates that it issues.
#pragma once

#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <vector>

#include "pki/certificates.h"

namespace vigil::pki {

constexpr int64_t s_per_day = 86'400;

inline int64_t now_unix_s() { return std::time(nullptr); }

inline Validity valid() { return valid_for_days(now_unix_s(), 30); }
inline Validity expired() { return {now_unix_s() - 10 * s_per_day, now_unix_s() - s_per_day}; }
inline Validity not_yet_valid() {
    return {now_unix_s() + s_per_day, now_unix_s() + 10 * s_per_day};
}

inline Authority make_ca(const Validity& validity = valid_for_days(now_unix_s(), 3650)) {
    auto ca = create_ca(validity);
    EXPECT_TRUE(ca) << (ca ? "" : ca.error().context);
    return ca ? *ca : Authority{};
}

// One CA for all tests that need no other one: creating keys takes time.
inline const Authority& our_ca() {
    static const Authority ca =
        make_ca({now_unix_s() - 100 * s_per_day, now_unix_s() + 3650 * s_per_day});
    return ca;
}

inline std::string issued(const Authority& ca, const std::string& name, Role role,
                          const Validity& validity = valid(),
                          const std::vector<std::string>& addresses = {}) {
    auto pem = issue(ca, {name, role, addresses, validity});
    EXPECT_TRUE(pem) << (pem ? "" : pem.error().context);
    return pem ? *pem : "";
}

inline std::string agent_pem(const Validity& validity = valid()) {
    return issued(our_ca(), "web-1", Role::agent, validity);
}

inline std::string server_pem(const Validity& validity = valid()) {
    return issued(our_ca(), "logs.example.org", Role::server, validity,
                  {"localhost", "192.0.2.7", "2001:db8::7"});
}

constexpr std::string_view begin_certificate = "-----BEGIN CERTIFICATE-----";

// The parts of a NAME.pem file.
inline std::string key_of(const std::string& pem) {
    return pem.substr(0, pem.find(begin_certificate));
}
inline std::string certificate_of(const std::string& pem) {
    const size_t begin = pem.find(begin_certificate);
    return pem.substr(begin, pem.find(begin_certificate, begin + 1) - begin);
}

}  // namespace vigil::pki
