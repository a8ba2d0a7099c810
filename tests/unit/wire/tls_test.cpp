// SPDX-License-Identifier: Apache-2.0
#include "wire/tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "pki/test_certificates.h"
#include "support/printable.h"
#include "wire/tls_endpoint.h"

namespace vigil::wire {
namespace {

TlsContext context_of(const std::string& pem, pki::Role role) {
    auto context = TlsContext::from_pem(pem, "test.pem", role);
    if (!context) {
        ADD_FAILURE() << context.error().context;
        std::abort();
    }
    return std::move(*context);
}

const TlsContext& our_server() {
    static const TlsContext context = context_of(pki::server_pem(), pki::Role::server);
    return context;
}

const TlsContext& our_agent() {
    static const TlsContext context = context_of(pki::agent_pem(), pki::Role::agent);
    return context;
}

// The server's error for a peer that presents `pem`.
std::string server_failure(const std::string& pem) {
    const SslContext foreign = make_unchecked_context(pki::Role::agent, pem);
    TlsEndpoint agent(foreign.get(), pki::Role::agent);
    TlsEndpoint server(our_server().get(), pki::Role::server);
    run_handshake(agent, server);
    EXPECT_EQ(peer_name(server.ssl()), std::nullopt);
    EXPECT_EQ(test::unprintable(server.failure().value_or(""), false), "");
    return server.failure().value_or("nothing");
}

// The agent's error for a server that presents `pem`; the agent expects `host`.
std::string agent_failure(const std::string& pem, const std::string& host = "localhost") {
    const SslContext foreign = make_unchecked_context(pki::Role::server, pem);
    TlsEndpoint agent(our_agent().get(), pki::Role::agent);
    TlsEndpoint server(foreign.get(), pki::Role::server);
    EXPECT_TRUE(expect_host(agent.ssl(), host));
    run_handshake(agent, server);
    EXPECT_EQ(peer_name(agent.ssl()), std::nullopt);
    EXPECT_EQ(test::unprintable(agent.failure().value_or(""), false), "");
    return agent.failure().value_or("nothing");
}

TEST(Tls, AuthenticatesBothSides) {
    for (const std::string host : {"logs.example.org", "LOGS.example.org", "localhost", "192.0.2.7",
                                   "2001:db8::7", "2001:db8:0:0::7"}) {
        TlsEndpoint agent(our_agent().get(), pki::Role::agent);
        TlsEndpoint server(our_server().get(), pki::Role::server);
        ASSERT_TRUE(expect_host(agent.ssl(), host));
        EXPECT_EQ(peer_name(agent.ssl()), std::nullopt) << "not authenticated yet";
        run_handshake(agent, server);
        EXPECT_EQ(agent.failure(), std::nullopt) << host;
        EXPECT_EQ(server.failure(), std::nullopt) << host;
        EXPECT_EQ(peer_name(agent.ssl()), "logs.example.org");
        EXPECT_EQ(peer_name(server.ssl()), "web-1");
        EXPECT_STREQ(SSL_get_version(agent.ssl()), "TLSv1.3");
    }
    EXPECT_EQ(our_agent().name(), "web-1");
    EXPECT_EQ(our_server().name(), "logs.example.org");
    EXPECT_GT(our_server().until_unix_s(), pki::now_unix_s() + 29 * pki::s_per_day);
}

TEST(Tls, NothingIsResumed) {
    TlsEndpoint first(our_agent().get(), pki::Role::agent);
    TlsEndpoint server(our_server().get(), pki::Role::server);
    run_handshake(first, server);
    const std::unique_ptr<SSL_SESSION, pki::FreeWith<SSL_SESSION_free>> session(
        SSL_get1_session(first.ssl()));
    ASSERT_NE(session, nullptr);
    EXPECT_EQ(SSL_SESSION_is_resumable(session.get()), 0);
    TlsEndpoint again(our_agent().get(), pki::Role::agent);
    TlsEndpoint server_again(our_server().get(), pki::Role::server);
    SSL_set_session(again.ssl(), session.get());
    run_handshake(again, server_again);
    EXPECT_EQ(SSL_session_reused(again.ssl()), 0);
    EXPECT_EQ(peer_name(server_again.ssl()), "web-1");
}

TEST(Tls, WrongHost) {
    const std::string error_text =
        "the peer's certificate is for other names: logs.example.org, "
        "localhost, 192.0.2.7, 2001:db8::7";
    for (const std::string host : {"other.example.org", "example.org", "x.logs.example.org",
                                   "192.0.2.8", "2001:db8::8", "::1"}) {
        EXPECT_EQ(agent_failure(pki::server_pem(), host), error_text) << host;
    }
    // The common name alone is not an address.
    EXPECT_EQ(agent_failure(pki::issued(pki::our_ca(), "logs", pki::Role::server), "localhost"),
              "the peer's certificate is for other names: logs");
    TlsEndpoint agent(our_agent().get(), pki::Role::agent);
    for (const std::string& host :
         {std::string(), std::string("a\0b", 3), std::string("::1\0", 4)}) {
        const auto set = expect_host(agent.ssl(), host);
        ASSERT_FALSE(set) << "OpenSSL alone would not check at all";
        EXPECT_EQ(test::unprintable(set.error().context, false), "");
    }
}

TEST(Tls, TruncatesALongListOfNames) {
    std::vector<std::string> many;
    for (int i = 0; i < 500; i++) {
        many.push_back("host-" + std::to_string(i) + ".example.org");
    }
    const std::string error_text = agent_failure(
        pki::issued(pki::our_ca(), "logs", pki::Role::server, pki::valid(), many), "localhost");
    EXPECT_LT(error_text.size(), 300U);
    EXPECT_TRUE(error_text.ends_with(", ...")) << error_text;
}

TEST(Tls, ExpiredAndNotYetValid) {
    EXPECT_EQ(server_failure(pki::agent_pem(pki::expired())),
              "the peer's certificate expired on " + pki::utc_text(pki::expired().until_unix_s));
    EXPECT_EQ(agent_failure(pki::server_pem(pki::expired())),
              "the peer's certificate expired on " + pki::utc_text(pki::expired().until_unix_s));
    EXPECT_EQ(server_failure(pki::agent_pem(pki::not_yet_valid())),
              "the peer's certificate is valid only from " +
                  pki::utc_text(pki::not_yet_valid().from_unix_s) + " on (is a clock wrong?)");
}

TEST(Tls, AnotherCa) {
    const pki::Authority other = pki::make_ca();
    const std::string error_text = "the peer's certificate is not signed by our CA";
    EXPECT_EQ(server_failure(pki::issued(other, "web-1", pki::Role::agent)), error_text);
    EXPECT_EQ(agent_failure(pki::issued(other, "localhost", pki::Role::server)), error_text);
    const std::string pem = pki::issued(other, "web-1", pki::Role::agent);
    EXPECT_EQ(server_failure(pki::key_of(pem) + pki::certificate_of(pem)), error_text)
        << "without its CA";
    EXPECT_EQ(server_failure(other.key_pem + other.certificate_pem), error_text);
}

TEST(Tls, RolesAreNotExchangeable) {
    EXPECT_EQ(server_failure(pki::server_pem()),
              "the peer's certificate is a server's, not an agent's");
    EXPECT_EQ(agent_failure(pki::issued(pki::our_ca(), "localhost", pki::Role::agent)),
              "the peer's certificate is an agent's, not a server's");
    EXPECT_EQ(server_failure(pki::our_ca().key_pem + pki::our_ca().certificate_pem),
              "the peer's certificate is not for agents")
        << "the CA itself is not an agent";
}

// The key and certificate of `pem` after `edit`, signed by the key in `signer`.
template <class Edit>
std::string forged(const std::string& pem, const std::string& signer, Edit edit) {
    auto bundle = pki::read_pem_bundle(pem);
    auto by = pki::read_pem_bundle(signer);
    EXPECT_TRUE(bundle && by);
    edit(bundle->certificate.get());
    EXPECT_GT(X509_sign(bundle->certificate.get(), by->key.get(), EVP_sha256()), 0);
    const pki::Bio out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), bundle->certificate.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return pki::key_of(pem) + std::string(data, static_cast<size_t>(size));
}

void remove_extension(X509* certificate, int nid) {
    const int index = X509_get_ext_by_NID(certificate, nid, -1);
    X509_EXTENSION_free(X509_delete_ext(certificate, index));
}

TEST(Tls, AnAgentCannotIssue) {
    const std::string agent = pki::agent_pem();
    auto issuer = pki::read_pem_bundle(agent);
    const std::string server = forged(
        pki::issued(pki::our_ca(), "localhost", pki::Role::server), agent, [&](X509* certificate) {
            X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate.get()));
            remove_extension(certificate, NID_authority_key_identifier);
        });
    EXPECT_EQ(agent_failure(server + pki::certificate_of(agent) + pki::our_ca().certificate_pem),
              "the peer's certificate is signed by a certificate that must not sign others");
}

TEST(Tls, RejectsACertificateWithoutKeyUsage) {
    const auto edit = [](X509* certificate) { remove_extension(certificate, NID_ext_key_usage); };
    EXPECT_EQ(server_failure(forged(pki::agent_pem(), pki::our_ca().key_pem, edit)),
              "the peer's certificate is not for agents");
    EXPECT_EQ(agent_failure(forged(pki::server_pem(), pki::our_ca().key_pem, edit)),
              "the peer's certificate is not for servers");
}

TEST(Tls, RejectsACertificateWithoutAValidName) {
    for (const std::string& name : {std::string("a b"), std::string("a\0b", 3), std::string("../a"),
                                    std::string("\033[31m")}) {
        const auto rename = [&](X509* certificate) {
            X509_NAME* subject = X509_get_subject_name(certificate);
            X509_NAME_ENTRY_free(X509_NAME_delete_entry(subject, 0));
            X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(name.data()),
                                       static_cast<int>(name.size()), -1, 0);
        };
        EXPECT_EQ(server_failure(forged(pki::agent_pem(), pki::our_ca().key_pem, rename)),
                  "the peer's certificate has no valid name");
    }
    const auto add_second = [](X509* certificate) {
        const auto* root = reinterpret_cast<const unsigned char*>("root");
        X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                   MBSTRING_UTF8, root, -1, -1, 0);
    };
    EXPECT_EQ(server_failure(forged(pki::agent_pem(), pki::our_ca().key_pem, add_second)),
              "the peer's certificate has no valid name");
}

TEST(Tls, NoCertificate) {
    const SslContext bare = make_unchecked_context(pki::Role::agent, "");
    TlsEndpoint agent(bare.get(), pki::Role::agent);
    TlsEndpoint server(our_server().get(), pki::Role::server);
    run_handshake(agent, server);
    EXPECT_EQ(server.failure(), "the peer showed no certificate");
    EXPECT_EQ(agent.failure(), "the peer refused us: it wants a certificate");
}

TEST(Tls, ARejectedAgentLearnsWhyOnItsFirstRead) {
    const std::pair<std::string, std::string> cases[] = {
        {pki::agent_pem(pki::expired()), "the peer refused our certificate: it has expired"},
        {pki::server_pem(), "the peer refused our certificate: it is not made for this role"},
        {pki::issued(pki::make_ca(), "web-1", pki::Role::agent),
         "the peer refused our certificate: it trusts another CA"},
        {pki::agent_pem(pki::not_yet_valid()),
         "the peer refused this side's certificate and reports the reason itself"},
    };
    for (const auto& [pem, error_text] : cases) {
        const SslContext foreign = make_unchecked_context(pki::Role::agent, pem);
        TlsEndpoint agent(foreign.get(), pki::Role::agent);
        TlsEndpoint server(our_server().get(), pki::Role::server);
        run_handshake(agent, server);
        EXPECT_EQ(agent.failure(), error_text);
    }
}

TEST(Tls, OlderTls) {
    const std::string error_text = "the peer speaks another version of TLS: 1.3 is needed";
    const SslContext old_agent = make_unchecked_context(pki::Role::agent, pki::agent_pem());
    SSL_CTX_set_max_proto_version(old_agent.get(), TLS1_2_VERSION);
    TlsEndpoint agent(old_agent.get(), pki::Role::agent);
    TlsEndpoint server(our_server().get(), pki::Role::server);
    run_handshake(agent, server);
    EXPECT_EQ(server.failure(), error_text);
    EXPECT_EQ(agent.failure(), error_text);

    const SslContext old_server = make_unchecked_context(pki::Role::server, pki::server_pem());
    SSL_CTX_set_max_proto_version(old_server.get(), TLS1_2_VERSION);
    TlsEndpoint our_endpoint(our_agent().get(), pki::Role::agent);
    TlsEndpoint old_end(old_server.get(), pki::Role::server);
    run_handshake(our_endpoint, old_end);
    EXPECT_EQ(our_endpoint.failure(), error_text);
}

TEST(Tls, RejectsOtherProtocols) {
    for (const std::string bytes : {"{\"kind\":\"hello\",\"agent\":\"web-1\"}\n",
                                    "GET / HTTP/1.1\r\n\r\n", "CONNECT x:1 HTTP/1.1\r\n\r\n"}) {
        for (const pki::Role role : {pki::Role::server, pki::Role::agent}) {
            TlsEndpoint end((role == pki::Role::server ? our_server() : our_agent()).get(), role);
            end.step();
            end.feed(bytes);
            end.step();
            EXPECT_EQ(end.failure(), "the peer speaks no TLS") << bytes;
        }
    }
    // Any other garbage: a printable error, and never a peer.
    unsigned int state = 1;
    for (int i = 0; i < 2000; i++) {
        std::string bytes(1 + i % 600, '\0');
        for (char& byte : bytes) {
            state = state * 1664525U + 1013904223U;
            byte = static_cast<char>(state >> 24);
        }
        if (i % 2 == 0) {
            bytes.replace(0, 3, "\x16\x03\x01");
        }
        const pki::Role role = i % 4 < 2 ? pki::Role::server : pki::Role::agent;
        TlsEndpoint end((role == pki::Role::server ? our_server() : our_agent()).get(), role);
        end.step();
        end.feed(bytes);
        end.close_input();
        end.step();
        ASSERT_TRUE(end.failure());
        EXPECT_FALSE(end.failure()->empty());
        EXPECT_EQ(test::unprintable(*end.failure(), false), "");
        EXPECT_EQ(peer_name(end.ssl()), std::nullopt);
    }
}

TEST(Tls, ReportsAPeerThatDisconnects) {
    TlsEndpoint server(our_server().get(), pki::Role::server);
    server.close_input();
    server.step();
    EXPECT_EQ(server.failure(), "the peer ended the connection");
}

TEST(Tls, NamesAnErrorAlreadyTakenFromTheQueue) {
    TlsEndpoint server(our_server().get(), pki::Role::server);
    server.feed("GET / HTTP/1.1\r\n\r\n");
    ERR_clear_error();
    ASSERT_LE(SSL_do_handshake(server.ssl()), 0);
    const unsigned long code = ERR_get_error();
    EXPECT_EQ(handshake_failure(server.ssl()), "the peer ended the connection");
    EXPECT_EQ(handshake_failure(server.ssl(), code), "the peer speaks no TLS");
}

TEST(Tls, AcceptsTwoCasDuringRollover) {
    const pki::Authority next = pki::make_ca();
    const TlsContext server =
        context_of(pki::server_pem() + next.certificate_pem, pki::Role::server);
    for (const pki::Authority& ca : {pki::our_ca(), next}) {
        const SslContext foreign =
            make_unchecked_context(pki::Role::agent, pki::issued(ca, "web-2", pki::Role::agent));
        TlsEndpoint agent(foreign.get(), pki::Role::agent);
        TlsEndpoint end(server.get(), pki::Role::server);
        run_handshake(agent, end);
        EXPECT_EQ(peer_name(end.ssl()), "web-2");
    }
}

}  // namespace
}  // namespace vigil::wire
