// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "commands/certs/certs.h"
#include "commands/certs/certs_options.h"
#include "pki/certificates.h"
#include "support/printable.h"
#include "wire/tls.h"

namespace vigil::commands {
namespace {

namespace fs = std::filesystem;

constexpr int64_t s_per_day = 86'400;

struct Outcome {
    int exit_code = -1;
    std::string out;
    std::string err;
};

class CertsTest : public testing::Test {
 protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "vigil-certs-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    void TearDown() override { fs::remove_all(directory_); }

    std::string at(const std::string& name) const { return directory_ + "/ca/" + name; }
    std::string content(const std::string& name) const {
        auto text = read_file(at(name), 1 << 20);
        EXPECT_TRUE(text) << name;
        return text ? *text : "";
    }
    mode_t mode(const std::string& path) const {
        struct stat info {};
        EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
        return info.st_mode & 07777;
    }
    std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(directory_ + "/ca")) {
            found.push_back(entry.path().filename());
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    static Outcome run(const cli::Arguments& arguments) {
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        Outcome outcome;
        outcome.exit_code = run_certs(arguments);
        outcome.out = testing::internal::GetCapturedStdout();
        outcome.err = testing::internal::GetCapturedStderr();
        for (const std::string& text : {outcome.out, outcome.err}) {
            std::string line;
            for (const char c : text) {
                line += c == '\n' ? ' ' : c;
            }
            EXPECT_EQ(test::unprintable(line, false), "");
        }
        EXPECT_EQ(outcome.exit_code == 0, outcome.err.empty()) << outcome.err;
        return outcome;
    }
    // Runs the command with this test's CA.
    Outcome certs(cli::Arguments arguments) const {
        arguments.insert(arguments.end(), {"--dir", directory_ + "/ca"});
        return run(arguments);
    }
    std::string run_ok(const cli::Arguments& arguments) const {
        const Outcome outcome = certs(arguments);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        return outcome.out;
    }

    std::string directory_;
};

TEST_F(CertsTest, SecuresAFleetInThreeCommands) {
    const std::string init = run_ok({"init"});
    const std::string server = run_ok({"issue", "--server", "logs.example.org"});
    const std::string agent = run_ok({"issue", "web-1"});
    EXPECT_EQ(names(),
              (std::vector<std::string>{"ca.key", "ca.pem", "logs.example.org.pem", "web-1.pem"}));
    EXPECT_EQ(mode(directory_ + "/ca"), 0700U);
    EXPECT_EQ(mode(at("ca.key")), 0600U);
    EXPECT_EQ(mode(at("ca.pem")), 0644U);
    EXPECT_EQ(mode(at("web-1.pem")), 0600U);
    EXPECT_EQ(mode(at("logs.example.org.pem")), 0600U);
    EXPECT_TRUE(wire::TlsContext::load(at("logs.example.org.pem"), pki::Role::server));
    EXPECT_TRUE(wire::TlsContext::load(at("web-1.pem"), pki::Role::agent));
    EXPECT_FALSE(wire::TlsContext::load(at("web-1.pem"), pki::Role::server));
    for (const std::string name : {"ca.pem", "web-1.pem", "logs.example.org.pem"}) {
        EXPECT_EQ(content(name).find(content("ca.key")), std::string::npos) << name;
    }

    const std::string option = " --dir " + directory_ + "/ca";
    EXPECT_NE(init.find("wrote " + at("ca.key")), std::string::npos) << init;
    EXPECT_NE(init.find("next: vigil certs issue" + option + " --server HOST"), std::string::npos);
    EXPECT_NE(server.find("wrote " + at("logs.example.org.pem")), std::string::npos) << server;
    EXPECT_NE(server.find("vigil server --tls logs.example.org.pem\n"), std::string::npos);
    EXPECT_NE(agent.find("vigil agent --tls web-1.pem\n"), std::string::npos) << agent;
}

TEST_F(CertsTest, AddressesAndDays) {
    run_ok({"init", "--days", "100"});
    run_ok(
        {"issue", "--server", "--address", "192.0.2.7", "logs", "--address=::1", "--days", "10"});
    const int64_t now = std::time(nullptr);
    auto logs = pki::describe(content("logs.pem"), now);
    ASSERT_TRUE(logs);
    EXPECT_EQ(logs->addresses, (std::vector<std::string>{"logs", "192.0.2.7", "::1"}));
    EXPECT_NEAR(static_cast<double>(logs->validity.until_unix_s - now), 10 * s_per_day, 60);
    EXPECT_NE(run_ok({"issue", "web-1"}).find(" UTC, as its CA's is\n"), std::string::npos);
}

TEST_F(CertsTest, ReplacesNothingWithoutForce) {
    run_ok({"init"});
    run_ok({"issue", "web-1"});
    const std::string ca = content("ca.pem");
    const std::string key = content("ca.key");
    const std::string agent = content("web-1.pem");
    for (const cli::Arguments& again : {cli::Arguments{"init"}, cli::Arguments{"issue", "web-1"},
                                        cli::Arguments{"issue", "--server", "web-1"}}) {
        const Outcome outcome = certs(again);
        EXPECT_EQ(outcome.exit_code, 1);
        EXPECT_NE(outcome.err.find("exists already; --force replaces it"), std::string::npos);
    }
    EXPECT_EQ(content("ca.pem"), ca);
    EXPECT_EQ(content("ca.key"), key);
    EXPECT_EQ(content("web-1.pem"), agent);

    run_ok({"issue", "web-1", "--force"});
    EXPECT_NE(content("web-1.pem"), agent);
    EXPECT_NE(run_ok({"init", "--force"}).find("issue all of them again"), std::string::npos);
    EXPECT_NE(content("ca.pem"), ca);
    EXPECT_NE(content("ca.key"), key);
}

TEST_F(CertsTest, TreatsHalfACaAsExisting) {
    run_ok({"init"});
    fs::remove(at("ca.pem"));
    EXPECT_EQ(certs({"init"}).exit_code, 1);
    fs::remove(at("ca.key"));
    fs::create_symlink("nowhere", at("ca.pem"));
    EXPECT_EQ(certs({"init"}).exit_code, 1) << "a link that leads nowhere is somebody's";
}

TEST_F(CertsTest, FailsWithoutACa) {
    const Outcome none = certs({"issue", "web-1"});
    EXPECT_EQ(none.exit_code, 2);
    EXPECT_NE(none.err.find("'vigil certs init --dir " + directory_ + "/ca' makes a CA"),
              std::string::npos)
        << none.err;
    EXPECT_FALSE(fs::exists(directory_ + "/ca"));

    const int64_t now = std::time(nullptr);
    auto old = pki::create_ca({now - 10 * s_per_day, now - s_per_day});
    ASSERT_TRUE(old && make_directories(directory_ + "/ca", 0700));
    ASSERT_TRUE(replace_file(at("ca.pem"), old->certificate_pem, 0644));
    ASSERT_TRUE(replace_file(at("ca.key"), old->key_pem, 0600));
    const Outcome expired = certs({"issue", "web-1"});
    EXPECT_EQ(expired.exit_code, 1);
    EXPECT_EQ(expired.err.rfind("vigil: nothing issued: its CA's certificate expired on ", 0), 0U)
        << expired.err;
    EXPECT_FALSE(fs::exists(at("web-1.pem")));
    EXPECT_EQ(run({"show", at("ca.pem")}).exit_code, 1);
}

TEST_F(CertsTest, RejectsInvalidNames) {
    run_ok({"init"});
    const auto before = names();
    for (const std::string name : {"a/b", "../a", "/tmp/a", "a b", "a\033[31mb", "a\nb", ".a", "",
                                   "\303\244", "\377", "ca"}) {
        const Outcome outcome = certs({"issue", name});
        EXPECT_EQ(outcome.exit_code, 2) << name;
        EXPECT_NE(outcome.err.find("the name "), std::string::npos) << outcome.err;
    }
    EXPECT_EQ(certs({"issue", std::string(65, 'a')}).exit_code, 2);
    for (const cli::Arguments& wrong :
         {cli::Arguments{"issue"}, cli::Arguments{"issue", "a", "b\033[31m"},
          cli::Arguments{"bog\033us"}, cli::Arguments{},
          cli::Arguments{"issue", "a", "--address", "b"},
          cli::Arguments{"issue", "a", "--days", "0"},
          cli::Arguments{"issue", "a", "--days", "36501"},
          cli::Arguments{"issue", "a", "--days", "x"},
          cli::Arguments{"issue", "a", "--server", "--address", "b c"}}) {
        EXPECT_EQ(certs(wrong).exit_code, 2) << testing::PrintToString(wrong);
    }
    EXPECT_EQ(run({"init", "--dir", ""}).exit_code, 2);
    EXPECT_EQ(names(), before);
}

TEST_F(CertsTest, Show) {
    run_ok({"init"});
    run_ok({"issue", "--server", "logs", "--address", "192.0.2.7"});
    const Outcome logs = run({"show", at("logs.pem")});
    EXPECT_EQ(logs.exit_code, 0);
    for (const std::string line :
         {"name         logs\n", "role         server\n", "address      logs\n",
          "address      192.0.2.7\n", "private key  in this file\n"}) {
        EXPECT_NE(logs.out.find(line), std::string::npos) << logs.out;
    }
    EXPECT_NE(logs.out.find("(825 days from now)\n"), std::string::npos) << logs.out;
    const Outcome ca = run({"show", at("ca.pem")});
    EXPECT_EQ(ca.exit_code, 0);
    EXPECT_NE(ca.out.find("role         CA\n"), std::string::npos) << ca.out;

    for (const std::string& path : {at("ca.key"), at("none"), directory_}) {
        const Outcome outcome = run({"show", path});
        EXPECT_EQ(outcome.exit_code, 1) << path;
        EXPECT_EQ(outcome.out, "");
    }
}

TEST_F(CertsTest, ShowFailsForAnInvalidCertificate) {
    run_ok({"init"});
    run_ok({"issue", "web-1"});
    const std::string agent = content("web-1.pem");
    const std::string own = agent.substr(0, agent.size() - content("ca.pem").size());
    run_ok({"init", "--force"});
    ASSERT_TRUE(replace_file(at("foreign.pem"), own + content("ca.pem"), 0600));
    const Outcome foreign = run({"show", at("foreign.pem")});
    EXPECT_EQ(foreign.exit_code, 1);
    EXPECT_NE(foreign.out.find("name         web-1\n"), std::string::npos);
    EXPECT_EQ(foreign.err, "vigil: " + at("foreign.pem") +
                               ": its certificate is not signed by the CA in the file\n");

    const int64_t now = std::time(nullptr);
    auto expired = pki::issue({content("ca.pem"), content("ca.key")},
                              {"web-2", pki::Role::agent, {}, {now - 9000, now - 1000}});
    ASSERT_TRUE(expired);
    ASSERT_TRUE(replace_file(at("old.pem"), *expired, 0600));
    const Outcome old = run({"show", at("old.pem")});
    EXPECT_EQ(old.exit_code, 1);
    EXPECT_NE(old.out.find("(less than a day ago)"), std::string::npos) << old.out;
    EXPECT_NE(old.err.find("its certificate expired on "), std::string::npos) << old.err;
}

// Runs a command; returns its exit code (127 if it does not exist) and output.
int shell(const std::string& command, std::string& out) {
    std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    std::array<char, 4096> buffer{};
    for (size_t size = 0; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        out.append(buffer.data(), size);
    }
    return WEXITSTATUS(::pclose(pipe));
}

// Verified by a program that shares no code with vigil.
TEST_F(CertsTest, OpensslAgrees) {
    std::string out;
    if (shell("openssl version", out) != 0) {
        GTEST_SKIP() << "no openssl program here";
    }
    run_ok({"init"});
    run_ok({"issue", "--server", "logs", "--address", "192.0.2.7"});
    run_ok({"issue", "web-1"});
    const auto verify = [&](const std::string& options) {
        out.clear();
        return shell("openssl verify -x509_strict -CAfile " + at("ca.pem") + " " + options, out);
    };
    EXPECT_EQ(verify("-purpose sslserver -verify_hostname logs " + at("logs.pem")), 0) << out;
    EXPECT_EQ(verify("-purpose sslserver -verify_ip 192.0.2.7 " + at("logs.pem")), 0) << out;
    EXPECT_EQ(verify("-purpose sslclient -verify_hostname web-1 " + at("web-1.pem")), 0) << out;
    EXPECT_NE(verify("-purpose sslclient " + at("logs.pem")), 0) << out;
    EXPECT_NE(verify("-purpose sslserver " + at("web-1.pem")), 0) << out;
    EXPECT_NE(verify("-purpose sslserver -verify_hostname other " + at("logs.pem")), 0) << out;

    out.clear();
    EXPECT_EQ(shell("openssl x509 -noout -text -in " + at("ca.pem"), out), 0);
    for (const std::string part : {"X509v3 Basic Constraints: critical\n", "CA:TRUE, pathlen:0",
                                   "Certificate Sign, CRL Sign", "ecdsa-with-SHA256", "P-256"}) {
        EXPECT_NE(out.find(part), std::string::npos) << part << " in " << out;
    }
    out.clear();
    EXPECT_EQ(shell("openssl x509 -noout -text -in " + at("web-1.pem"), out), 0);
    for (const std::string part :
         {"Subject: CN = web-1", "CA:FALSE", "TLS Web Client Authentication", "DNS:web-1",
          "Digital Signature", "Subject Key Identifier", "Authority Key Identifier"}) {
        EXPECT_NE(out.find(part), std::string::npos) << part << " in " << out;
    }
}

}  // namespace
}  // namespace vigil::commands
