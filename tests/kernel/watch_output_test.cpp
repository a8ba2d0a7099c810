// SPDX-License-Identifier: Apache-2.0
// Untrusted bytes in the output, readers that close it, and how the command ends.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <memory>

#include "watch.h"

namespace vigil::tests {
namespace {

const std::vector<std::string> hostile_names{
    "vt-\ntwo lines", "vt-\x1b[31mred", "vt-bad\xff\xfe",
    "vt-\xc3",        "vt-\"quote\\",   "vt-c1\xc2\x9b",
};

std::string limits_in(const TempDirectory& directory, const std::string& rules) {
    const std::string path = directory.path() + "/limits.json";
    std::ofstream(path) << rules;
    return path;
}

class Sleepers {
 public:
    explicit Sleepers(const std::vector<std::string>& names) {
        for (const std::string& name : names) {
            pids.push_back(start_sleeper([&] { set_own_name(name); }));
        }
    }
    Sleepers(const Sleepers&) = delete;
    Sleepers& operator=(const Sleepers&) = delete;
    ~Sleepers() {
        for (const pid_t pid : pids) {
            kill_and_wait(pid, SIGKILL);
        }
    }
    std::vector<pid_t> pids;
};

TEST(WatchOutput, JsonOfHostileNames) {
    WatchRun& run = shared_watch(report_all_rule("vt-*", "memory"));
    const Sleepers sleepers(hostile_names);
    for (size_t i = 0; i < sleepers.pids.size(); i++) {
        // wait_for() has parsed each line.
        const Event event = run.wait_for({sleepers.pids[i], "raised", "memory"});
        if (hostile_names[i].find('\xff') == std::string::npos && hostile_names[i] != "vt-\xc3") {
            EXPECT_EQ(event.text("comm"), hostile_names[i]);
        }
    }
}

TEST(WatchOutput, TextHoldsNoForeignByte) {
    const TempDirectory directory;
    const Sleepers sleepers(hostile_names);
    const std::string rule = R"([{"process": "vt-*", "memory": 0.001}])";
    Program vigil({"watch", "-c", limits_in(directory, rule), "--interval", "100ms"});
    for (const pid_t pid : sleepers.pids) {
        vigil.wait_for_output("(pid " + std::to_string(pid));
    }
    vigil.send(SIGTERM);
    EXPECT_EQ(vigil.wait(), 0);
    EXPECT_NE(vigil.errors().find(" violations reported; "), std::string::npos) << vigil.errors();
    const std::string& output = vigil.output();
    EXPECT_TRUE(std::none_of(output.begin(), output.end(), [](char each) {
        const auto byte = static_cast<unsigned char>(each);
        return (byte < 0x20 && byte != '\n') || byte >= 0x7f;
    })) << output;
    EXPECT_EQ(output.back(), '\n');
}

TEST(WatchOutput, ReaderGoesAway) {
    WatchRun run(with_clock(), {"--interval", "100ms"}, {.output = Program::Output::pipe});
    run.wait_for_sweep();
    run.program().close_output();
    EXPECT_EQ(run.program().wait(), 0) << run.program().errors();
}

// Also while there is no output whose write could fail.
TEST(WatchOutput, ReaderGoesAwayFromSilence) {
    WatchRun run("[]", {"--interval", "1h"}, {.output = Program::Output::pipe});
    run.program().close_output();
    EXPECT_EQ(run.program().wait(), 0) << run.program().errors();
}

TEST(WatchOutput, DiskIsFull) {
    const TempDirectory directory;
    const auto to_full = [] {
        const int full = ::open("/dev/full", O_WRONLY);
        if (full < 0 || ::dup2(full, STDOUT_FILENO) < 0) {
            ::_exit(99);
        }
    };
    const std::string rules = with_clock();
    Program vigil({"watch", "-c", limits_in(directory, rules), "-o", "json"},
                  {.before_exec = to_full});
    EXPECT_EQ(vigil.wait(), 1);
    EXPECT_NE(vigil.errors().find("No space left on device"), std::string::npos) << vigil.errors();
}

TEST(WatchOutput, ItselfIsAProcessToo) {
    WatchRun& run = shared_watch(R"({"process": "vigil", "memory": 1, "cooldown": "1ms"})");
    const pid_t pid = run.program().pid();
    const Event raised = run.wait_for({pid, "raised", "memory", "vigil"});
    EXPECT_GT(real(raised, "value"), 1);
    EXPECT_NEAR(real(raised, "value"),
                static_cast<double>(proc_value(pid, "smaps_rollup", "Rss")) / 1024, 3);
}

}  // namespace
}  // namespace vigil::tests
