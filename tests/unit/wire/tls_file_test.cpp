// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "pki/test_certificates.h"
#include "support/printable.h"
#include "wire/tls.h"

namespace vigil::wire {
namespace {

std::string load_error(const std::string& pem, pki::Role role) {
    const auto context = TlsContext::from_pem(pem, "x\033.pem", role);
    EXPECT_FALSE(context);
    if (context) {
        return "";
    }
    EXPECT_EQ(context.error().code, ErrorCode::usage);
    EXPECT_EQ(test::unprintable(context.error().context, false), "");
    return context.error().context;
}

TEST(TlsFile, RejectsInvalidFiles) {
    const std::string agent = pki::agent_pem();
    const std::string where = "'x\\e.pem'";
    const std::string renew =
        "; on the CA's machine, 'vigil certs issue web-1 --force' creates a new one";
    EXPECT_EQ(
        load_error(pki::certificate_of(agent) + pki::our_ca().certificate_pem, pki::Role::agent),
        where + " holds no private key" + renew);
    EXPECT_EQ(load_error(pki::our_ca().key_pem + pki::certificate_of(agent), pki::Role::agent),
              where + " holds the private key of another certificate" + renew);
    EXPECT_EQ(load_error(pki::key_of(agent) + pki::certificate_of(agent), pki::Role::agent),
              where + " has no CA's certificate after its own" + renew);
    EXPECT_EQ(load_error(agent + pki::certificate_of(agent), pki::Role::agent),
              where + " has a certificate after its own that is not a CA's" + renew);
    EXPECT_EQ(load_error(agent, pki::Role::server),
              where +
                  " is not a server's; on the CA's machine, 'vigil certs issue --server NAME' "
                  "creates one");
    EXPECT_EQ(
        load_error(pki::server_pem(), pki::Role::agent),
        where + " is not an agent's; on the CA's machine, 'vigil certs issue NAME' creates one");
    EXPECT_EQ(load_error(pki::agent_pem(pki::expired()), pki::Role::agent),
              where + ": its certificate expired on " + pki::utc_text(pki::expired().until_unix_s) +
                  renew);
    EXPECT_EQ(load_error(pki::agent_pem(pki::not_yet_valid()), pki::Role::agent),
              where + ": its certificate is valid only from " +
                  pki::utc_text(pki::not_yet_valid().from_unix_s) + " on (is a clock wrong?)" +
                  renew);
    EXPECT_EQ(
        load_error(pki::key_of(agent) + pki::certificate_of(agent) + pki::make_ca().certificate_pem,
                   pki::Role::agent),
        where + ": its certificate is not signed by the CA in the file" + renew);
    EXPECT_EQ(load_error(pki::server_pem(pki::expired()), pki::Role::server),
              where + ": its certificate expired on " + pki::utc_text(pki::expired().until_unix_s) +
                  "; on the CA's machine, 'vigil certs issue --server logs.example.org --force' "
                  "creates a new one");
    const std::string make = "; on the CA's machine, 'vigil certs issue NAME' creates one";
    EXPECT_EQ(load_error("", pki::Role::agent), where + " holds no certificate" + make);
    EXPECT_EQ(load_error(std::string(pki::max_pem_bytes + 1, 'x'), pki::Role::agent),
              where + " is larger than 1 MiB" + make);
    EXPECT_EQ(load_error(pki::our_ca().key_pem + pki::our_ca().certificate_pem, pki::Role::agent),
              where + " has no CA's certificate after its own" + make);
}

TEST(TlsFile, RejectsAnExpiredCa) {
    const pki::Authority old = pki::make_ca(pki::expired());
    const auto context =
        TlsContext::from_pem(pki::issued(old, "web-1", pki::Role::agent,
                                         {pki::expired().from_unix_s, pki::valid().until_unix_s}),
                             "x.pem", pki::Role::agent);
    ASSERT_FALSE(context);
    EXPECT_EQ(context.error().context.rfind("'x.pem': its CA's certificate expired on ", 0), 0U)
        << context.error().context;
}

TEST(TlsFile, FilesAreRead) {
    const std::string path = testing::TempDir() + "vigil-tls-" + std::to_string(::getpid());
    std::ofstream(path) << pki::agent_pem();
    const auto loaded = TlsContext::load(path, pki::Role::agent);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->name(), "web-1");
    ::unlink(path.c_str());
    const auto none = TlsContext::load(path, pki::Role::agent);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::usage);
    EXPECT_EQ(none.error().context, "opening '" + path + "': No such file or directory");
    EXPECT_NE(
        TlsContext::load("/dev/zero", pki::Role::agent).error().context.find("larger than 1 MiB"),
        std::string::npos);
}

TEST(Tls, Sha256) {
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex({"\0", 1}),
              "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

}  // namespace
}  // namespace vigil::wire
