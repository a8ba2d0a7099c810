// SPDX-License-Identifier: Apache-2.0
// The whole path between two machines: certificates, a server on one, an agent on the other.
#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <csignal>
#include <functional>
#include <memory>
#include <string>

#include "fleet.h"
#include "netns_pair.h"

namespace vigil::tests {
namespace {

const std::string address = NetnsPair::first_address;

class EndToEnd : public ::testing::Test {
 protected:
    void SetUp() override {
        if (!netns_pair_.exist()) {
            GTEST_SKIP() << "this kernel can't connect network namespaces (veth)";
        }
        certs("ours", {"init"});
        certs("ours", {"issue", "--server", "logs", "--address", address});
        certs("ours", {"issue", "web-1"});
        write_file(path("rules.json"), R"([{"process": "fleet-hog", "memory": 30}])");
    }

    std::string path(const std::string& name) const { return directory_.path() + "/" + name; }

    void certs(const std::string& authority, Strings words) {
        words.insert(words.begin(), "certs");
        words.insert(words.end(), {"--dir", path(authority)});
        const Outcome outcome = run_vigil(words);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    }
    std::unique_ptr<Program> run(const Strings& words, const std::function<void()>& where) const {
        Program::Options options = quiet(directory_.path());
        options.before_exec = [before = options.before_exec, where] {
            before();
            where();
        };
        return std::make_unique<Program>(words, options);
    }
    std::unique_ptr<Program> server(const std::string& pem) const {
        auto program = run({"server", "-c", "rules.json", "-l", log(), "--listen", address, "--tls",
                            pem, "--control", path("control")},
                           netns_pair_.in_first());
        program->wait_for_error("vigil: serving " + address + ":7411");
        return program;
    }
    std::unique_ptr<Program> agent(const Strings& options) const {
        Strings words{"agent", "--server", address, "--interval", "100ms"};
        words.insert(words.end(), options.begin(), options.end());
        return run(words, netns_pair_.in_second());
    }
    std::string log() const { return path("events.log"); }

    NetnsPair netns_pair_;
    TempDirectory directory_;
};

pid_t start_hog() {
    return start_sleeper([] {
        ::prctl(PR_SET_NAME, "fleet-hog");
        touch_mb(60);
    });
}

TEST_F(EndToEnd, AViolationReachesTheServer) {
    const auto server = this->server(path("ours/logs.pem"));
    const auto agent = this->agent({"--tls", path("ours/web-1.pem"), "--state", path("state")});
    ASSERT_TRUE(agent->wait_for_error("vigil: connected to " + address + ":7411"));
    ASSERT_TRUE(agent->wait_for_error("1 rule from the server"));
    const pid_t hog = start_hog();
    const std::string pid = "\"pid\":" + std::to_string(hog) + ",";
    wait_until([&] { return read_text(log()).find(pid) != std::string::npos; }, "the violation");
    kill_and_wait(hog, SIGKILL);
    wait_until([&] { return has_death(read_log(log()), hog); }, "its death");
    const ServerLog book = read_log(log());
    ASSERT_FALSE(book.of("violation").empty());
    EXPECT_EQ(book.of("violation")[0].agent, "web-1");
    EXPECT_NE(book.of("violation")[0].text.find(pid), std::string::npos);
    agent->send(SIGTERM);
    EXPECT_EQ(agent->wait(), 0);
    server->send(SIGTERM);
    EXPECT_EQ(server->wait(), 0);
}

TEST_F(EndToEnd, OthersAreRefused) {
    certs("theirs", {"init"});
    certs("theirs", {"issue", "web-1"});
    certs("theirs", {"issue", "--server", "logs", "--address", address});
    certs("ours", {"issue", "--server", "elsewhere"});
    const auto server = this->server(path("ours/logs.pem"));
    // A certificate of another CA.
    const auto stranger = agent({"--tls", path("theirs/web-1.pem"), "--state", path("stranger")});
    ASSERT_TRUE(stranger->wait_for_error("vigil: no connection to " + address));
    // A server's certificate is not an agent's.
    const auto disguised = agent({"--tls", path("ours/elsewhere.pem"), "--state", path("d")});
    ASSERT_TRUE(disguised->wait_for_error("is not an agent's"));
    EXPECT_EQ(disguised->wait(), 2);
    // Without a certificate: only loopback is allowed.
    const auto plain = agent({"--state", path("plain"), "--name", "web-1"});
    ASSERT_TRUE(plain->wait_for_error("it needs --tls"));
    const Outcome open = run_vigil({"server", "-c", path("rules.json"), "-l", path("other.log"),
                                    "--listen", "0.0.0.0:0", "--no-control"});
    EXPECT_EQ(open.exit_code, 2);
    EXPECT_NE(open.errors.find("without TLS only"), std::string::npos) << open.errors;
    EXPECT_EQ(read_text(log()), "");
    // The valid agent can connect meanwhile.
    const auto agent = this->agent({"--tls", path("ours/web-1.pem"), "--state", path("state")});
    ASSERT_TRUE(agent->wait_for_error("vigil: connected to "));
    server->send(SIGTERM);
    EXPECT_EQ(server->wait(), 0);
}

// The agent also verifies the server.
TEST_F(EndToEnd, FalseServersAreRefused) {
    certs("theirs", {"init"});
    certs("theirs", {"issue", "--server", "logs", "--address", address});
    certs("ours", {"issue", "--server", "elsewhere"});
    for (const char* pem : {"theirs/logs.pem", "ours/elsewhere.pem"}) {
        const auto server = this->server(path(pem));
        const auto agent = this->agent({"--tls", path("ours/web-1.pem"), "--state", path("state")});
        ASSERT_TRUE(agent->wait_for_error("vigil: no connection to " + address)) << pem;
        EXPECT_EQ(agent->errors().find("connected to"), std::string::npos);
        server->send(SIGTERM);
        EXPECT_EQ(server->wait(), 0);
    }
    EXPECT_EQ(read_text(log()), "");
}

}  // namespace
}  // namespace vigil::tests
