// SPDX-License-Identifier: Apache-2.0
// The two replaced programs, as in their README: links in the build directory.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "fleet.h"
#include "fleet_namespaces.h"

namespace vigil::tests {
namespace {

namespace fs = std::filesystem;

TEST(Names, CtbAndCtaAsTheirReadmeShows) {
    const fs::path build = fs::path(vigil_path()).parent_path();
    for (const char* name : {"CTA", "CTB", "process_monitor", "rustsigwatch"}) {
        EXPECT_TRUE(fs::is_symlink(build / name)) << build / name;
    }
    // A similar directory, which contains what the two write.
    const TempDirectory directory;
    for (const char* name : {"CTA", "CTB", "sample_config.json"}) {
        fs::create_symlink(build / name, directory.path() + "/" + name);
    }
    const auto run_there = [&](const std::string& name) {
        Program::Options options = quiet(directory.path(), "./" + name);
        options.path = directory.path() + "/" + name;
        return options;
    };
    Program server({"-c", "sample_config.json", "-l", "events.log"}, run_there("CTB"));
    ASSERT_TRUE(server.wait_for_error("vigil: serving 127.0.0.1:7411 with 2 rules"));
    Program agent({}, run_there("CTA"));
    ASSERT_TRUE(agent.wait_for_error("vigil: connected to 127.0.0.1:7411"));
    ASSERT_TRUE(agent.wait_for_error("2 rules from the server"));
    const pid_t killed = start_sleeper();
    kill_and_wait(killed, SIGKILL);
    const std::string log = directory.path() + "/events.log";
    wait_until([&] { return has_death(read_log(log), killed); }, "the death in events.log");
    agent.send(SIGINT);
    EXPECT_EQ(agent.wait(), 0) << agent.errors();
    server.send(SIGINT);
    EXPECT_EQ(server.wait(), 0) << server.errors();
}

}  // namespace
}  // namespace vigil::tests
