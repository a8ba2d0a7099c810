// SPDX-License-Identifier: Apache-2.0
#include "pki/certificates.h"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

#include "pki/pem_bundle.h"
#include "pki/test_certificates.h"
#include "support/printable.h"

namespace vigil::pki {
namespace {

CertificateInfo described(const std::string& pem, int64_t now = now_unix_s()) {
    auto description = describe(pem, now);
    EXPECT_TRUE(description) << (description ? "" : description.error().context);
    return description ? *description : CertificateInfo{};
}

std::string refused(const CertificateRequest& request, const Authority& ca = our_ca()) {
    const auto pem = issue(ca, request);
    EXPECT_FALSE(pem) << request.name;
    if (pem) {
        return "";
    }
    EXPECT_EQ(pem.error().code, ErrorCode::usage);
    EXPECT_EQ(test::unprintable(pem.error().context, false), "");
    return pem.error().context;
}

X509* first_certificate(PemBundle& bundle, const std::string& pem) {
    auto read = read_pem_bundle(pem);
    EXPECT_TRUE(read);
    bundle = std::move(*read);
    return bundle.certificate.get();
}

TEST(Certificates, AFileHoldsKeyCertificateAndCa) {
    const std::string pem = agent_pem();
    EXPECT_EQ(pem.rfind("-----BEGIN PRIVATE KEY-----\n", 0), 0U);
    EXPECT_TRUE(pem.ends_with("-----END CERTIFICATE-----\n" + our_ca().certificate_pem));
    const auto bundle = read_pem_bundle(pem);
    ASSERT_TRUE(bundle);
    EXPECT_TRUE(bundle->key);
    EXPECT_TRUE(bundle->certificate);
    EXPECT_EQ(bundle->authorities.size(), 1U);
    EXPECT_EQ(pem.find(our_ca().key_pem), std::string::npos);
}

TEST(Certificates, AnAgentsCertificateNamesIt) {
    const Validity validity = valid();
    const CertificateInfo agent = described(agent_pem(validity));
    EXPECT_EQ(agent.name, "web-1");
    EXPECT_EQ(agent.role, Role::agent);
    EXPECT_FALSE(agent.is_ca);
    EXPECT_TRUE(agent.has_key);
    EXPECT_EQ(agent.addresses, std::vector<std::string>{"web-1"});
    EXPECT_EQ(agent.validity.from_unix_s, validity.from_unix_s);
    EXPECT_EQ(agent.validity.until_unix_s, validity.until_unix_s);
    EXPECT_EQ(agent.ca_name, described(our_ca().certificate_pem).name);
    EXPECT_EQ(agent.fingerprint.size(), 64U);
    EXPECT_EQ(agent.error, "");
}

TEST(Certificates, AServersCertificateHoldsItsAddresses) {
    const std::string pem = issued(our_ca(), "logs", Role::server, valid(),
                                   {"logs.example.org", "192.0.2.7", "2001:DB8:0::7", "logs"});
    const CertificateInfo server = described(pem);
    EXPECT_EQ(server.role, Role::server);
    EXPECT_EQ(server.addresses,
              (std::vector<std::string>{"logs", "logs.example.org", "192.0.2.7", "2001:db8::7"}));
    EXPECT_EQ(described(issued(our_ca(), "192.0.2.8", Role::server)).addresses,
              std::vector<std::string>{"192.0.2.8"});
}

TEST(Certificates, KeyUsage) {
    const uint32_t ca_usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN;
    PemBundle bundle;
    X509* ca = first_certificate(bundle, our_ca().certificate_pem);
    EXPECT_TRUE(is_ca(ca));
    EXPECT_EQ(X509_get_pathlen(ca), 0);
    EXPECT_EQ(X509_get_key_usage(ca), ca_usage);
    EXPECT_EQ(X509_get_version(ca), X509_VERSION_3);
    EXPECT_NE(X509_get0_subject_key_id(ca), nullptr);
    EXPECT_FALSE(allows(ca, Role::agent) || allows(ca, Role::server));

    for (const Role role : {Role::agent, Role::server}) {
        X509* certificate = first_certificate(bundle, issued(our_ca(), "x", role));
        EXPECT_FALSE(is_ca(certificate));
        EXPECT_EQ(X509_get_key_usage(certificate), uint32_t{KU_DIGITAL_SIGNATURE});
        EXPECT_EQ(X509_get_extended_key_usage(certificate),
                  role == Role::agent ? uint32_t{XKU_SSL_CLIENT} : uint32_t{XKU_SSL_SERVER});
        EXPECT_EQ(X509_get_version(certificate), X509_VERSION_3);
        EXPECT_NE(X509_get0_subject_key_id(certificate), nullptr);
        EXPECT_EQ(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(certificate),
                                        X509_get0_subject_key_id(bundle.authorities[0].get())),
                  0);
        EXPECT_EQ(X509_get_signature_nid(certificate), NID_ecdsa_with_SHA256);
    }
}

TEST(Certificates, SerialsKeysAndCaNamesAreUnique) {
    std::set<std::string> serials;
    for (int i = 0; i < 20; i++) {
        PemBundle bundle;
        const X509* certificate = first_certificate(bundle, agent_pem());
        const BigNumber serial(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
        EXPECT_EQ(BN_num_bits(serial.get()), 128);
        EXPECT_EQ(BN_is_negative(serial.get()), 0);
        char* text = BN_bn2hex(serial.get());
        serials.insert(text);
        OPENSSL_free(text);
    }
    EXPECT_EQ(serials.size(), 20U);
    EXPECT_NE(key_of(agent_pem()), key_of(agent_pem()));
    const CertificateInfo ca = described(make_ca().certificate_pem);
    EXPECT_EQ(ca.name.rfind("vigil CA ", 0), 0U);
    EXPECT_EQ(ca.name.size(), std::string("vigil CA 01234567").size());
    EXPECT_NE(ca.name, described(our_ca().certificate_pem).name);
    EXPECT_TRUE(ca.is_ca);
    EXPECT_EQ(ca.role, std::nullopt);
    EXPECT_EQ(ca.error, "");
}

TEST(Certificates, RejectsUnsafeNames) {
    for (const std::string name :
         {"a", "7", "web-1", "Web_1.example.org", "1.2.3",
          "a234567890123456789012345678901234567890123456789012345678901234"}) {
        EXPECT_TRUE(check_name(name)) << name;
        EXPECT_EQ(described(issued(our_ca(), name, Role::agent)).name, name);
    }
    for (const std::string name :
         {"", ".", "..", "-a", "_a", ".a", "a/b", "../a", "a b", " a", "a\n", "a\033[31m", "a\"b",
          "a,DNS:b", "*.example.org", "fl\303\266te", "a\202", "2001:db8::1"}) {
        const std::string error_text = refused({name, Role::agent, {}, valid()});
        EXPECT_NE(error_text.find("expected letters, digits"), std::string::npos) << error_text;
    }
    EXPECT_FALSE(check_name(std::string("a\0b", 3)));
    EXPECT_NE(refused({std::string(65, 'a'), Role::agent, {}, valid()})
                  .find("has 65 characters: a certificate takes 64"),
              std::string::npos);
    EXPECT_LT(refused({std::string(100'000, 'a'), Role::agent, {}, valid()}).size(), 400U);
}

TEST(Certificates, AddressesAreHostNamesOrIpAddresses) {
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + label.substr(2);
    ASSERT_EQ(longest.size(), 253U);
    for (const std::string address :
         {"localhost", "a_b.example", "::1", "127.0.0.1", longest.c_str()}) {
        EXPECT_EQ(described(issued(our_ca(), "s", Role::server, valid(), {address})).addresses,
                  (std::vector<std::string>{"s", address}));
    }
    for (const std::string& address :
         {std::string(), std::string("10.0.0.300"), std::string("1.2.3"), std::string("a..b"),
          std::string("a."), std::string("*.example.org"), std::string("fe80::1%eth0"),
          std::string("[::1]"), std::string("host:7700"), std::string("a\033b"),
          std::string("10.0.0.1\0x", 10), "a" + longest, label + "a"}) {
        const std::string error_text = refused({"s", Role::server, {address}, valid()});
        EXPECT_NE(error_text.find("expected a host name or an IP address"), std::string::npos)
            << error_text;
    }
    refused({"s.1", Role::server, {}, valid()});
    EXPECT_EQ(refused({"web-1", Role::agent, {"localhost"}, valid()}),
              "an agent's certificate has no addresses: only a server needs them");
}

TEST(Certificates, NoCertificateOutlivesItsCa) {
    const Authority ca = make_ca(valid_for_days(now_unix_s(), 10));
    const CertificateInfo agent =
        described(issued(ca, "web-1", Role::agent, valid_for_days(now_unix_s(), 825)));
    EXPECT_EQ(agent.validity.until_unix_s, described(ca.certificate_pem).validity.until_unix_s);
}

TEST(Certificates, ValidFromAnHourAgo) {
    const Validity validity = valid_for_days(1'000'000'000, 2);
    EXPECT_EQ(validity.from_unix_s, 1'000'000'000 - 3600);
    EXPECT_EQ(validity.until_unix_s, 1'000'000'000 + 2 * 86400);
    EXPECT_EQ(utc_text(validity.until_unix_s), "2001-09-11 01:46:40 UTC");
    const CertificateInfo agent =
        described(issued(make_ca({-2 * s_per_day, 400'000 * s_per_day}), "x", Role::agent,
                         {-s_per_day, 400'000 * s_per_day}));
    EXPECT_EQ(utc_text(agent.validity.from_unix_s), "1969-12-31 00:00:00 UTC");
    EXPECT_EQ(utc_text(agent.validity.until_unix_s), "3065-03-01 00:00:00 UTC");
}

TEST(Certificates, ReportsInvalidCertificates) {
    const int64_t later = now_unix_s() + 40 * s_per_day;
    const std::string agent = agent_pem();
    const Authority other = make_ca();
    EXPECT_EQ(described(agent, later).error,
              "its certificate expired on " + utc_text(described(agent).validity.until_unix_s));
    EXPECT_EQ(described(agent, now_unix_s() - s_per_day).error,
              "its certificate is valid only from " +
                  utc_text(described(agent).validity.from_unix_s) + " on (is a clock wrong?)");
    EXPECT_EQ(described(our_ca().certificate_pem, now_unix_s() + 4000 * s_per_day)
                  .error.rfind("its certificate expired on ", 0),
              0U);
    const std::string foreign = key_of(agent) + certificate_of(agent) + other.certificate_pem;
    EXPECT_EQ(described(foreign).error, "its certificate is not signed by the CA in the file");
    EXPECT_EQ(described(foreign + our_ca().certificate_pem).error, "") << "two CAs";
    EXPECT_EQ(described(certificate_of(agent)).error, "no CA's certificate follows its own");
    const CertificateInfo keyless = described(certificate_of(agent) + our_ca().certificate_pem);
    EXPECT_EQ(keyless.error, "");
    EXPECT_FALSE(keyless.has_key);
    const CertificateInfo mixed = described(other.key_pem + certificate_of(agent));
    EXPECT_EQ(mixed.error, "its private key is another certificate's");
    EXPECT_FALSE(mixed.has_key);
}

TEST(Certificates, RejectsOtherText) {
    const std::string agent = agent_pem();
    const std::pair<std::string, std::string> cases[] = {
        {"", "it holds no certificate"},
        {"hello\n", "it holds no certificate"},
        {std::string(100, '\0'), "it holds no certificate"},
        {key_of(agent), "it holds no certificate"},
        {key_of(agent) + agent, "it holds two private keys"},
        {agent + std::string(max_pem_bytes, ' '), "it is larger than 1 MiB"},
        {"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
         "it holds a damaged certificate"},
        {"-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n",
         "it holds a damaged private key"},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\naGVsbG8=\n-----END ENCRYPTED PRIVATE KEY-----\n",
         "it holds a private key that is encrypted with a password"},
    };
    for (const auto& [pem, error_text] : cases) {
        const auto description = describe(pem, now_unix_s());
        ASSERT_FALSE(description) << error_text;
        EXPECT_EQ(description.error().context, error_text);
    }
    // Truncated anywhere: no crash, and never accepted as complete.
    for (size_t size = 0; size + 1 < agent.size(); size += 7) {
        const auto description = describe(agent.substr(0, size), now_unix_s());
        EXPECT_FALSE(description && description->error.empty()) << size;
    }
}

TEST(Certificates, RejectsDamagedBytes) {
    const std::string agent = certificate_of(agent_pem());
    const size_t begin = begin_certificate.size() + 1;
    const size_t end = agent.find("\n-----END") - 4;  // some bits of the last characters are unused
    for (size_t at = begin; at < end; at++) {
        std::string damaged = agent;
        damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
        if (damaged == agent || agent[at] == '\n') {
            continue;
        }
        const auto description = describe(damaged + our_ca().certificate_pem, now_unix_s());
        EXPECT_FALSE(description && description->error.empty()) << at;
        if (description) {
            EXPECT_EQ(test::unprintable(description->error + description->name, false), "");
        }
    }
}

TEST(Certificates, RejectsAnInvalidCa) {
    const std::string agent = agent_pem();
    const CertificateRequest request{"web-2", Role::agent, {}, valid()};
    const Authority& ca = our_ca();
    EXPECT_EQ(refused(request, {certificate_of(agent), key_of(agent)}),
              "the CA's certificate is no CA's");
    EXPECT_EQ(refused(request, {ca.certificate_pem, key_of(agent)}),
              "the CA's key is not that of its certificate");
    EXPECT_EQ(refused(request, {"", ca.key_pem}), "the CA has no certificate");
    EXPECT_EQ(refused(request, {ca.certificate_pem, ""}), "the CA has no key");
    EXPECT_EQ(refused(request, {ca.certificate_pem, ca.key_pem + ca.key_pem}),
              "the CA holds two private keys");
}

}  // namespace
}  // namespace vigil::pki
