// SPDX-License-Identifier: Apache-2.0
#include "host/child.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace vigil::host {
namespace {

int wait_for(Child& child) {
    for (int i = 0; i < 10'000; i++) {
        if (const auto code = child.exit_code()) {
            return *code;
        }
        ::usleep(1000);
    }
    return -1;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::string unused_path() { return "/tmp/vigil_child_test_" + std::to_string(::getpid()); }

TEST(Child, WaitsUntilResumed) {
    const std::string path = unused_path();
    ::unlink(path.c_str());
    auto child = Child::start_suspended({"touch", path});
    ASSERT_TRUE(child) << child.error().context;
    EXPECT_GT(child->pid(), 0);
    EXPECT_FALSE(child->exit_code().has_value());
    EXPECT_FALSE(exists(path));
    ASSERT_EQ(*child->resume(), 0);
    EXPECT_EQ(wait_for(*child), 0);
    EXPECT_TRUE(exists(path));
    ::unlink(path.c_str());
}

TEST(Child, ReportsItsExitCode) {
    auto child = Child::start_suspended({"sh", "-c", "exit 3"});
    ASSERT_TRUE(child);
    ASSERT_EQ(*child->resume(), 0);
    EXPECT_EQ(wait_for(*child), 3);
}

TEST(Child, ExitCodeOfASignalIs128PlusItsNumber) {
    auto child = Child::start_suspended({"sh", "-c", "kill -KILL $$"});
    ASSERT_TRUE(child);
    ASSERT_EQ(*child->resume(), 0);
    EXPECT_EQ(wait_for(*child), 137);
}

TEST(Child, ForwardsSignals) {
    auto child = Child::start_suspended({"sleep", "100"});
    ASSERT_TRUE(child);
    ASSERT_EQ(*child->resume(), 0);
    child->send(SIGTERM);
    EXPECT_EQ(wait_for(*child), 143);
    child->send(SIGTERM);  // its pid may have been reused: must do nothing
}

TEST(Child, ReportsAnUnknownCommand) {
    const std::pair<const char*, int> cases[] = {{"/no/such/command", ENOENT},
                                                 {"no_such_command", ENOENT},
                                                 {"/dev/null", EACCES},
                                                 {"/", EACCES}};
    for (const auto& [command, error] : cases) {
        auto child = Child::start_suspended({command, "x"});
        ASSERT_TRUE(child);
        const auto released = child->resume();
        ASSERT_TRUE(released);
        EXPECT_EQ(*released, error) << command;
        EXPECT_EQ(wait_for(*child), 127);
    }
}

TEST(Child, CannotResumeAnEndedCommand) {
    auto child = Child::start_suspended({"true"});
    ASSERT_TRUE(child);
    child->send(SIGKILL);
    EXPECT_EQ(wait_for(*child), 137);
    EXPECT_FALSE(child->resume());
}

TEST(Child, NeverRunsUnlessResumed) {
    const std::string path = unused_path();
    ::unlink(path.c_str());
    pid_t pid = 0;
    {
        auto child = Child::start_suspended({"touch", path});
        ASSERT_TRUE(child);
        pid = child->pid();
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WEXITSTATUS(status), 127);
    EXPECT_FALSE(exists(path));
}

TEST(Child, WritesToStandardErrorAndIsKilledByABrokenPipe) {
    const std::string path = unused_path();
    // SIGPIPE is ignored here, as in vigil; ignored signals survive exec.
    auto child = Child::start_suspended({"sh", "-c",
                                         "readlink /proc/$$/fd/1 /proc/$$/fd/2 > " + path +
                                             "; grep SigIgn /proc/$$/status >> " + path});
    ASSERT_TRUE(child);
    ASSERT_EQ(*child->resume(), 0);
    EXPECT_EQ(wait_for(*child), 0);
    std::ifstream file(path);
    std::string out, error, title, mask;
    file >> out >> error >> title >> mask;
    EXPECT_EQ(title, "SigIgn:");
    EXPECT_EQ(std::strtoull(mask.c_str(), nullptr, 16) >> (SIGPIPE - 1) & 1, 0U);
    ::unlink(path.c_str());
}

}  // namespace
}  // namespace vigil::host
