// SPDX-License-Identifier: Apache-2.0
// Processes that an option names: a pid alone is reused, and a run ends with them.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "harness.h"
#include "mount_ns.h"
#include "pinned.h"
#include "processes.h"

namespace vigil::tests {
namespace {

const std::vector<std::string> pid_options{"-p", "--sender", "--target", "--tree"};

void expect_words(const std::string& errors, const Strings& words) {
    for (const std::string& word : words) {
        EXPECT_NE(errors.find(word), std::string::npos) << "no '" << word << "' in: " << errors;
    }
}

// A child that has exited, and for which nobody has waited yet.
pid_t start_zombie() {
    const pid_t pid = start([] { return 0; });
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
    return pid;
}

TEST(NamedProcesses, TheRunEndsWithThem) {
    for (const std::string& option : pid_options) {
        const pid_t pid = start_sleeper();
        TraceRun run({option, std::to_string(pid)});
        kill_and_wait(pid, SIGKILL);
        const Trace trace = run.wait();
        EXPECT_EQ(trace.exit_code, 0) << option;
        expect_words(trace.errors, {std::to_string(pid), "ended"});
        if (option == "-p" || option == "--tree") {
            trace.only("exit", pid);
        }
        if (option != "--sender") {
            trace.only_signal(pid, SIGKILL);
        }
    }
}

// No event comes with the end of the process.
TEST(NamedProcesses, TheRunEndsAlsoWhereExitsAreNotWanted) {
    for (const std::string option : {"-p", "--tree"}) {
        const pid_t pid = start_sleeper();
        TraceRun run({option, std::to_string(pid), "-e", "exec"});
        kill_and_wait(pid, SIGKILL);
        EXPECT_EQ(run.wait().exit_code, 0) << option;
    }
}

TEST(NamedProcesses, TreeEndsWithItsLastProcess) {
    for (const bool threads : {false, true}) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        int report[2];
        ASSERT_EQ(::pipe(report), 0);
        const pid_t root = start([&] {
            const pid_t orphan = start([] { return ::pause(); });
            (void)!::write(report[1], &orphan, sizeof orphan);
            return ::pause();
        });
        pid_t orphan = 0;
        ASSERT_EQ(::read(report[0], &orphan, sizeof orphan), static_cast<ssize_t>(sizeof orphan));
        Strings options{"--tree", std::to_string(root), "-e", "exit,signal"};
        if (threads) {
            options.push_back("--threads");
        }
        TraceRun run(options);
        kill_and_wait(root, SIGKILL);
        run.program().wait_for_output("\"pid\":" + std::to_string(root) + ",");
        kill_and_wait(orphan, SIGKILL);  // the tree still lives: it is seen
        ::prctl(PR_SET_CHILD_SUBREAPER, 0);
        const Trace trace = run.wait();
        EXPECT_EQ(trace.exit_code, 0);
        trace.only("exit", root);
        trace.only("exit", orphan);
    }
}

// Such a process counts as exiting. Its end wakes the tracer, which need not look for it.
TEST(NamedProcesses, IdleTracerOfAProcessWithoutItsFirstThreadSleeps) {
    const pid_t root = start([] {
        std::thread([] { ::alarm(120), ::pause(); }).detach();
        return static_cast<int>(::syscall(SYS_exit, 0));
    });
    wait_until([&] { return proc_value(root, "status", "Threads") == 2; }, "its second thread");
    wait_until([&] { return proc_file(root, "status").find("State:\tZ") != std::string::npos; },
               "the end of its first thread");
    TraceRun run({"--tree", std::to_string(root), "-e", "exec"});
    uint64_t wake_ups = 0;
    uint64_t since_ns = 0;
    wait_until(
        [&] {
            const uint64_t now =
                proc_value(run.program().pid(), "status", "voluntary_ctxt_switches");
            since_ns = now == wake_ups ? since_ns : boot_now_ns();
            wake_ups = now;
            return boot_now_ns() > since_ns + 1'000'000'000;
        },
        "a second without a wake-up");
    kill_and_wait(root, SIGKILL);
    EXPECT_EQ(run.wait().exit_code, 0);
}

TEST(NamedProcesses, ThreadsZombiesAndNobodyAreRefused) {
    const pid_t nobody = start([] { return 0; });
    wait_for(nobody);
    const pid_t zombie = start_zombie();
    const Gate end;
    std::thread thread;
    pid_t tid = 0;
    const Gate ready;
    thread = std::thread([&] {
        tid = static_cast<pid_t>(::syscall(SYS_gettid));
        ready.open();
        end.pass();
    });
    ready.pass();
    const std::string self = std::to_string(::getpid());
    for (const std::string command : {"trace", "pin"}) {
        for (const std::string& option : pid_options) {
            const auto refused = [&](pid_t pid, const Strings& words) {
                std::string errors;
                EXPECT_EQ(run_vigil({command, option, std::to_string(pid)}, &errors), 2)
                    << command << " " << option << ": " << errors;
                expect_words(errors, words);
                expect_words(errors, {option + " " + std::to_string(pid)});
            };
            refused(nobody, {"no such process"});
            refused(zombie, {"has ended"});
            refused(tid, {"is a thread of process " + self, option + " " + self});
        }
    }
    end.open();
    thread.join();
    wait_for(zombie);
}

TEST(NamedProcesses, FailedKillsOfATargetThatIsGone) {
    const pid_t gone = start([] { return 0; });
    wait_for(gone);
    TraceRun run({"--failed", "--target", std::to_string(gone)});
    EXPECT_EQ(::kill(gone, SIGTERM), -1);
    const Trace trace = run.end();
    ASSERT_EQ(trace.events.size(), 1U);
    EXPECT_EQ(trace.events[0].number("target_pid"), gone);
    expect_words(trace.errors, {"no process " + std::to_string(gone)});
}

TEST(NamedProcesses, WithoutProcfsTheyCantBeFound) {
    if (!has_own_mount_ns()) {
        GTEST_SKIP() << "no mount namespace to hide it in";
    }
    for (const std::string& option : pid_options) {
        Program vigil({"trace", option, "1"}, {.before_exec = [] { hide("/proc"); }});
        EXPECT_EQ(vigil.wait(), 3) << option;
        expect_words(vigil.errors(), {"/proc", "mount -t proc"});
    }
}

class NamedPinned : public Pinned {
 protected:
    // Everything that `arguments` selects from the ring, read until the reader ends by itself.
    static std::vector<Event> read_all(const Strings& arguments, std::string* errors) {
        Strings all{"trace", "--pinned", "-o", "json"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        Program reader(all);
        EXPECT_EQ(reader.wait(), 0) << reader.errors();
        *errors = reader.errors();
        return parse_lines(reader.output());
    }
};

TEST_F(NamedPinned, AStrangerWithThePidIsNotShown) {
    const pid_t pid = start_sleeper();
    pin({"-p", std::to_string(pid), "-e", "fork,exit,signal"});
    kill_and_wait(pid, SIGTERM);
    if (start_as(pid, [] { ::alarm(120), ::pause(); }) != pid) {
        GTEST_SKIP() << "no process with a given pid here";
    }
    kill_and_wait(pid, SIGUSR1);
    std::string errors;
    const auto events = read_all({}, &errors);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].number("signal_number"), SIGTERM);
    EXPECT_EQ(events[1].text("exit_signal"), "SIGTERM");
    expect_words(errors, {"process " + std::to_string(pid) + " has ended"});
}

// The reader means the process that has the pid now.
TEST_F(NamedPinned, ReaderTellsTwoProcessesWithOnePidApart) {
    pin({"--tree", std::to_string(::getpid()), "-e", "exit"});
    const pid_t pid = start_sleeper();
    const uint64_t start_tick = proc_stat(pid, 22);
    kill_and_wait(pid, SIGTERM);
    wait_until([&] { return boot_now_ns() / 10'000'000 > start_tick; }, "the next clock tick");
    const Gate go;
    if (start_as(pid, [&] { go.pass(), ::_exit(7); }) != pid) {
        GTEST_SKIP() << "no process with a given pid here";
    }
    Program reader({"trace", "--pinned", "-o", "json", "-p", std::to_string(pid)});
    reader.wait_for_error("vigil: tracing ");
    go.open();
    EXPECT_EQ(reader.wait(), 0) << reader.errors();
    wait_for(pid);
    const auto events = parse_lines(reader.output());
    ASSERT_EQ(events.size(), 1U) << reader.output();
    EXPECT_EQ(events[0].number("exit_code"), 7);
}

TEST_F(NamedPinned, ReaderFindsAProcessThatHasEnded) {
    pin({"--tree", std::to_string(::getpid()), "-e", "exit"});
    const pid_t pid = start([] { return 7; });
    wait_for(pid);
    std::string errors;
    const auto events = read_all({"-p", std::to_string(pid)}, &errors);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].number("exit_code"), 7);
    expect_words(errors, {"no process has pid " + std::to_string(pid)});
}

// No process is needed for a failed kill: the end of one ends nothing.
TEST_F(NamedPinned, ReaderOfFailedKillsGoesOnWithoutTheTarget) {
    std::string refusal;
    const int pinned = run_vigil(
        {"pin", "-e", "signal", "--failed", "--sender", std::to_string(::getpid())}, &refusal);
    if (pinned == 3 && kernel_major() < 6) {
        expect_words(refusal, {"--failed", "Linux 5.15"});
        EXPECT_NE(::access("/sys/fs/bpf/vigil", F_OK), 0);
        return;
    }
    ASSERT_EQ(pinned, 0) << refusal;
    const pid_t gone = start([] { return 0; });
    wait_for(gone);
    Program reader({"trace", "--pinned", "-o", "json", "--target", std::to_string(gone)});
    reader.wait_for_error("vigil: tracing ");
    EXPECT_EQ(::kill(gone, SIGTERM), -1);
    reader.wait_for_output("\"target_pid\":" + std::to_string(gone));
    EXPECT_EQ(::kill(gone, SIGINT), -1);
    reader.wait_for_output("\"signal_number\":" + std::to_string(SIGINT) + ",");
    reader.send(SIGINT);
    EXPECT_EQ(reader.wait(), 0) << reader.errors();
    EXPECT_EQ(reader.errors().find("no process has pid"), std::string::npos) << reader.errors();
}

TEST_F(NamedPinned, ReaderOfAnEmptyTreeEnds) {
    const pid_t root = start_sleeper();
    pin({"--tree", std::to_string(root), "-e", "fork,exit"});
    TraceRun run({"--pinned", "-e", "fork"});
    kill_and_wait(root, SIGKILL);
    EXPECT_EQ(run.program().wait(), 0);
    expect_words(run.program().errors(), {"pinned tree", "ended"});
}

}  // namespace
}  // namespace vigil::tests
