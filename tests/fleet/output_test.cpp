// SPDX-License-Identifier: Apache-2.0
// Commands whose standard output is a file on a full disk (/dev/full) say so and fail: a script
// must not take half a list for a whole one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "fleet.h"

namespace vigil::tests {
namespace {

Outcome run_on_full_disk(const Strings& arguments) {
    Program::Options options = quiet();
    options.before_exec = [before = options.before_exec] {
        before();
        const int full = ::open("/dev/full", O_WRONLY);
        ::dup2(full, STDOUT_FILENO);
    };
    Program program(arguments, options);
    const int exit_code = program.wait();
    return {exit_code, program.output(), program.errors()};
}

TEST(OutputOnAFullDisk, IsAnError) {
    const TempDirectory state;
    FleetServer server({}, hog_rule);
    FleetAgent agent(state.path());
    server.start();
    agent.start();
    agent.wait_for_server();
    const pid_t pid = start_sleeper();
    kill_and_wait(pid, SIGKILL);
    server.wait_for_death(pid);
    const std::string victim = std::to_string(pid);
    for (const Strings& command :
         std::vector<Strings>{{"history", "--state", state.path()},
                              {"history", "--state", state.path(), "-o", "json"},
                              {"why", victim, "--state", state.path()},
                              {"doctor"},
                              {"ctl", "--control", server.control(), "events", "5"},
                              {"ctl", "--control", server.control(), "agents"},
                              {"ctl", "--control", server.control(), "stats"},
                              {"ctl", "--control", server.control(), "config", "show"},
                              {"--help"},
                              {"--version"}}) {
        const std::string name = command[0] + " " + command.back();
        // The same command with a disk that takes it: so the disk is the reason.
        const int exit_code = run_vigil(command).exit_code;
        EXPECT_TRUE(exit_code == 0 || command[0] == "doctor") << name;
        const Outcome outcome = run_on_full_disk(command);
        EXPECT_EQ(outcome.exit_code, 1) << name;
        EXPECT_NE(outcome.errors.find("No space left on device"), std::string::npos)
            << name << ": " << outcome.errors;
    }
    agent.stop();
    server.stop();
}

}  // namespace
}  // namespace vigil::tests
