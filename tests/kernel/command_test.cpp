// SPDX-License-Identifier: Apache-2.0
// `vigil trace -- CMD`: the command's tree from the first exec to the end, and its exit code.
#include <gtest/gtest.h>

#include <csignal>
#include <set>

#include "harness.h"
#include "processes.h"

namespace vigil::tests {
namespace {

Trace trace_command(const Strings& command) {
    Strings options{"--"};
    options.insert(options.end(), command.begin(), command.end());
    TraceRun run(options);
    return run.wait();
}

TEST(Command, FirstEventIsItsExecAndTheExitCodeIsPassedOn) {
    const Trace trace = trace_command({"sh", "-c", "(exit 4); exit 3"});
    EXPECT_EQ(trace.exit_code, 3);
    ASSERT_FALSE(trace.events.empty());
    const Event& first = trace.events[0];
    EXPECT_EQ(first.kind(), "exec");
    EXPECT_EQ(first.strings("argv"), (Strings{"sh", "-c", "(exit 4); exit 3"}));
    const auto root = static_cast<pid_t>(first.pid());
    EXPECT_EQ(trace.only("exit", root).number("exit_code"), 3);
    std::set<int64_t> members{root};
    for (const Event& event : trace.events) {
        if (event.kind() == "fork") {
            members.insert(event.pid());
        }
        EXPECT_EQ(members.count(event.pid()), 1U) << event.line();
    }
    EXPECT_EQ(trace.of("exit").size(), members.size());
}

TEST(Command, DeathByASignalIsAsFromAShell) {
    const Trace trace = trace_command({"sh", "-c", "kill -9 $$"});
    EXPECT_EQ(trace.exit_code, 128 + SIGKILL);
    EXPECT_EQ(trace.of("exit").size(), 1U);
    EXPECT_EQ(trace.of("exit")[0].text("exit_signal"), "SIGKILL");
}

TEST(Command, KilledSleeperWithItsSender) {
    const Trace trace = trace_command({"sh", "-c", "sleep 100 & kill -9 $!; wait; exit 3"});
    EXPECT_EQ(trace.exit_code, 3);
    const auto root = static_cast<pid_t>(trace.events.at(0).pid());
    ASSERT_EQ(trace.of("signal").size(), 1U);
    const Event signal = trace.of("signal")[0];
    EXPECT_EQ(signal.text("signal"), "SIGKILL");
    EXPECT_EQ(signal.number("sender_pid"), root);
    EXPECT_EQ(trace.only("exit", static_cast<pid_t>(signal.pid())).text("exit_signal"), "SIGKILL");
}

TEST(Command, NotFoundIs127) {
    Program vigil({"trace", "-o", "json", "--", "/nonexistent/command"});
    EXPECT_EQ(vigil.wait(), 127);
    EXPECT_NE(vigil.errors().find("/nonexistent/command"), std::string::npos);
}

TEST(Command, OutputHoldsEventsOnly) {
    TraceRun run({"--", "sh", "-c", "echo to stdout; echo to stderr >&2"});
    const Trace trace = run.wait();  // fails on a line that is not an event
    EXPECT_EQ(trace.exit_code, 0);
    EXPECT_NE(trace.errors.find("to stdout"), std::string::npos);
    EXPECT_NE(trace.errors.find("to stderr"), std::string::npos);
}

TEST(Command, TerminationIsPassedOn) {
    TraceRun run(
        {"--", "sh", "-c", "trap 'exit 8' TERM; echo ready; while :; do sleep 0.01; done"});
    run.program().wait_for_error("ready");
    run.program().send(SIGTERM);
    EXPECT_EQ(run.wait().exit_code, 8);
}

TEST(Command, FiltersHoldForItToo) {
    TraceRun run({"-e", "exit", "--", "sh", "-c", "(exit 4); exit 0"});
    const Trace trace = run.wait();
    EXPECT_EQ(trace.exit_code, 0);
    EXPECT_EQ(trace.events.size(), trace.of("exit").size());
    EXPECT_EQ(trace.events.size(), 2U);
}

}  // namespace
}  // namespace vigil::tests
