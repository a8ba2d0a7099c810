// SPDX-License-Identifier: Apache-2.0
// A reader of pinned programs whose selection was not pinned, or whose pins disappear.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <vector>

#include "pinned.h"
#include "processes.h"

namespace vigil::tests {
namespace {

class PinReaders : public Pinned {};

TEST_F(PinReaders, OtherSignalsAreRefusedAndNothingIsConsumed) {
    const pid_t pid = start_sleeper([] { std::signal(SIGUSR1, SIG_IGN); });
    pin({"-e", "signal", "-s", "USR1", "--target", std::to_string(pid)});
    ::kill(pid, SIGUSR1);
    std::string errors;
    EXPECT_EQ(run_vigil({"trace", "--pinned", "-s", "KILL"}, &errors), 2);
    EXPECT_NE(errors.find("not pinned"), std::string::npos) << errors;
    Program reader({"trace", "--pinned", "-o", "json", "-n", "1"});
    EXPECT_EQ(reader.wait(), 0);
    const auto events = parse_lines(reader.output());
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].number("signal_number"), SIGUSR1);
    kill_and_wait(pid, SIGKILL);
}

TEST_F(PinReaders, EndsWhenTheProgramsAreUnpinned) {
    pin({"-e", "exit", "--tree", std::to_string(::getpid())});
    auto run = reader();
    const pid_t pid = start([] { return 5; });
    wait_for(pid);
    EXPECT_EQ(run_vigil({"unpin"}), 0);
    EXPECT_EQ(run->program().wait(), 0);
    EXPECT_NE(run->program().errors().find("/sys/fs/bpf/vigil was removed"), std::string::npos)
        << run->program().errors();
    EXPECT_NE(run->program().output().find("\"pid\":" + std::to_string(pid) + ","),
              std::string::npos)
        << "what the ring had is read";
}

// The kernel compares comm, which a script shares with every other of its interpreter.
TEST_F(PinReaders, AScriptIsFoundAmongProcessesOfThePinnedComm) {
    const TempDirectory directory;
    const std::string path = directory.path() + "/vigil-backup.sh";
    std::ofstream(path) << ":\n";
    const std::string other = directory.path() + "/vigil-other.sh";
    std::ofstream(other) << ":\n";
    pin({"-e", "exec,exit", "-c", "sh", "--tree", std::to_string(::getpid())});
    wait_for(start([&]() -> int { exec("/bin/sh", {"sh", other}); }));
    const pid_t wanted = start([&]() -> int { exec("/bin/sh", {"sh", path}); });
    wait_for(wanted);
    Program reader({"trace", "--pinned", "-o", "json", "-n", "2", "-c", "vigil-backup.sh"});
    EXPECT_EQ(reader.wait(), 0) << reader.errors();
    const auto events = parse_lines(reader.output());
    ASSERT_EQ(events.size(), 2U) << reader.output();
    for (const Event& event : events) {
        EXPECT_EQ(event.number("pid"), wanted);
    }
}

// It must not wait for events of programs that are gone.
TEST_F(PinReaders, AStalledReaderEndsThoughOtherProgramsWerePinnedMeanwhile) {
    const Strings options{"-e", "exit", "--tree", std::to_string(::getpid())};
    pin(options);
    auto run = reader();
    run->program().send(SIGSTOP);
    const std::string stopped = "State:\tT";
    wait_until(
        [&] {
            return proc_file(run->program().pid(), "status").find(stopped) != std::string::npos;
        },
        "the stop");
    EXPECT_EQ(run_vigil({"unpin"}), 0);
    pin(options);
    run->program().send(SIGCONT);
    EXPECT_EQ(run->program().wait(), 0);
    EXPECT_NE(run->program().errors().find("/sys/fs/bpf/vigil was removed"), std::string::npos)
        << run->program().errors();
}

TEST_F(PinReaders, RemovedLinksAreReportedOnceAndNotTraced) {
    pin({"-e", "exec,exit", "--tree", std::to_string(::getpid())});
    auto run = reader();
    ASSERT_EQ(std::filesystem::remove("/sys/fs/bpf/vigil/link_on_exec"), true);
    run->program().wait_for_error("no more exec events\n");
    const pid_t pid = start([] { return 5; });
    wait_for(pid);
    run->program().wait_for_output("\"pid\":" + std::to_string(pid) + ",");
    run->program().send(SIGINT);
    EXPECT_EQ(run->program().wait(), 0);
    const std::string& errors = run->program().errors();
    EXPECT_EQ(errors.find("no exec events"), errors.rfind("no exec events")) << errors;

    auto next = reader();
    next->program().send(SIGINT);
    next->program().wait();
    EXPECT_NE(next->program().errors().find("vigil: tracing exit;"), std::string::npos)
        << next->program().errors();
}

TEST_F(PinReaders, EndsWhenAllLinksAreRemoved) {
    pin({"-e", "exit", "--tree", std::to_string(::getpid())});
    auto run = reader();
    std::vector<std::filesystem::path> links;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/fs/bpf/vigil")) {
        if (entry.path().filename().string().starts_with("link_on_exit")) {
            links.push_back(entry.path());
        }
    }
    ASSERT_FALSE(links.empty());
    for (const auto& link : links) {
        std::filesystem::remove(link);
    }
    EXPECT_EQ(run->program().wait(), 0);
    EXPECT_NE(run->program().errors().find("all links that it needs were removed"),
              std::string::npos)
        << run->program().errors();
}

// The tests' own bpffs is such a one.
TEST_F(PinReaders, PinSaysThatABpffsIsPrivate) {
    std::string errors;
    ASSERT_EQ(run_vigil({"pin", "-e", "exit"}, &errors), 0) << errors;
    EXPECT_NE(errors.find("mount namespace"), std::string::npos) << errors;
}

}  // namespace
}  // namespace vigil::tests
