// SPDX-License-Identifier: Apache-2.0
// Every way in which a trace ends, each with its totals.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "harness.h"
#include "processes.h"

namespace vigil::tests {
namespace {

Strings with_own_tree(Strings options) {
    const Strings tree = own_tree();
    options.insert(options.end(), tree.begin(), tree.end());
    return options;
}

void some_processes(int count) {
    for (int i = 0; i < count; i++) {
        wait_for(start([] { return 0; }));
    }
}

TEST(TraceExit, BySignals) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        TraceRun run;
        run.program().send(signal);
        EXPECT_EQ(run.wait().exit_code, 0);
    }
}

TEST(TraceExit, ByCountWithExactlyThatMany) {
    TraceRun run(with_own_tree({"-n", "5", "-e", "exit"}));
    some_processes(20);
    const Trace trace = run.wait();
    EXPECT_EQ(trace.exit_code, 0);
    EXPECT_EQ(trace.events.size(), 5U);
    EXPECT_EQ(trace.totals.at("exit").delivered, 5U);
}

TEST(TraceExit, ByDuration) {
    const uint64_t begin = boot_now_ns();
    TraceRun run({"-d", "300ms"});
    EXPECT_EQ(run.wait().exit_code, 0);
    EXPECT_GE(boot_now_ns() - begin, 300'000'000U);
}

TEST(TraceExit, WhenTheReaderOfItsOutputGoesAway) {
    TraceRun run(with_own_tree({"-e", "fork,exit"}), {.output = Program::Output::pipe});
    some_processes(10);
    run.program().wait_for_output("\n");
    run.program().close_output();
    some_processes(200);
    EXPECT_EQ(run.program().wait(), 0) << run.program().errors();
    const auto totals = parse_totals(run.program().errors());
    ASSERT_EQ(totals.size(), 2U) << run.program().errors();
    uint64_t delivered = 0;
    for (const auto& [kind, account] : totals) {
        delivered += account.delivered;
        EXPECT_EQ(account.seen,
                  account.filtered + account.delivered + account.dropped + account.undelivered)
            << kind;
    }
    EXPECT_GT(delivered, 0U);
}

TEST(TraceExit, WhenAnIdleReaderGoesAway) {
    TraceRun run({"-c", "nobody-has-this"}, {.output = Program::Output::pipe});
    run.program().close_output();
    EXPECT_EQ(run.program().wait(), 0) << run.program().errors();
}

// A reader that stalls with a full pipe must not keep Ctrl-C from working.
TEST(TraceExit, WhileItsOutputIsStalled) {
    Strings options = with_own_tree({"trace", "-o", "json", "-e", "fork,exit"});
    Program vigil(options, {.output = Program::Output::pipe});
    vigil.wait_for_error("vigil: tracing ");
    const int count = 400;  // about 400 bytes per event: twice the pipe's capacity
    some_processes(count);
    vigil.send(SIGINT);
    wait_until([&] { return proc_file(vigil.pid(), "stat").find(") Z ") != std::string::npos; },
               "the end of a vigil whose output nobody reads");
    EXPECT_EQ(vigil.wait(), 0);
    const auto totals = parse_totals(vigil.errors());
    for (const auto& [kind, account] : totals) {
        EXPECT_EQ(account.seen,
                  account.filtered + account.delivered + account.dropped + account.undelivered)
            << kind;
        EXPECT_GT(account.undelivered, 0U);
    }
    EXPECT_EQ(totals.at("fork").seen - totals.at("fork").filtered, static_cast<uint64_t>(count));
}

TEST(TraceExit, EventsAreShownWithoutAnEnd) {
    TraceRun run(with_own_tree({"-e", "exit"}), {.output = Program::Output::pipe});
    for (int i = 0; i < 3; i++) {
        const pid_t pid = start([] { return 0; });
        wait_for(pid);
        run.program().wait_for_output("\"pid\":" + std::to_string(pid) + ",");
    }
    run.end();
}

TEST(TraceExit, NoneCountsOnly) {
    Program vigil(with_own_tree({"trace", "-o", "none"}));
    vigil.wait_for_error("vigil: tracing ");
    some_processes(10);
    vigil.send(SIGINT);
    EXPECT_EQ(vigil.wait(), 0);
    EXPECT_EQ(vigil.output(), "");
    const auto totals = parse_totals(vigil.errors());
    for (const auto& [kind, account] : totals) {
        EXPECT_EQ(account.seen,
                  account.filtered + account.delivered + account.dropped + account.undelivered)
            << kind;
    }
    EXPECT_EQ(totals.at("fork").seen - totals.at("fork").filtered, 10U);
    EXPECT_EQ(totals.at("exit").delivered, 10U);
}

}  // namespace
}  // namespace vigil::tests
