// SPDX-License-Identifier: Apache-2.0
// A reader that is stopped while more happens than the ring holds: the loss is reported exactly.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "harness.h"
#include "processes.h"

namespace vigil::tests {
namespace {

struct Sums {
    uint64_t lines = 0;
    uint64_t lost = 0;
    uint64_t seen = 0;
    uint64_t filtered = 0;
};

Sums sums_of(const Trace& trace, const std::string& kind) {
    const EventTotals account = trace.totals.at(kind);
    return {trace.of(kind).size(), trace.lost(kind), account.seen, account.filtered};
}

// Runs `load` below a root that is traced by a stopped vigil with a small ring.
Trace trace_stopped(const Strings& options, const std::function<int()>& load) {
    const Gate go;
    const pid_t root = start([&] {
        go.pass();
        return load();
    });
    Strings arguments = options;
    arguments.insert(arguments.end(), {"--tree", std::to_string(root), "--ring-size", "64K"});
    TraceRun run(arguments);
    const pid_t vigil = run.program().pid();
    run.program().send(SIGSTOP);
    EXPECT_EQ(::waitpid(vigil, nullptr, WUNTRACED), vigil);
    go.open();
    EXPECT_EQ(wait_for(root).code(), 0);
    run.program().send(SIGCONT);
    return run.end();
}

// Each of two workers starts `count` processes.
int two_workers(int count, const std::function<int()>& body) {
    const auto work = [&] {
        for (int i = 0; i < count; i++) {
            wait_for(start(body));
        }
        return 0;
    };
    const pid_t one = start(work);
    const pid_t other = start(work);
    return wait_for(one).code() + wait_for(other).code();
}

TEST(Loss, ManyForksAndExits) {
    const int each = scaled(10'000);
    const Trace trace =
        trace_stopped({"-e", "fork,exit"}, [&] { return two_workers(each, [] { return 0; }); });
    EXPECT_EQ(trace.exit_code, 0);
    const uint64_t processes = 2 * static_cast<uint64_t>(each) + 2;
    for (const std::string kind : {"fork", "exit"}) {
        const Sums sums = sums_of(trace, kind);
        const uint64_t expected = kind == "fork" ? processes : processes + 1;  // and the root
        EXPECT_EQ(sums.seen - sums.filtered, expected);
        EXPECT_EQ(sums.lines + sums.lost, expected);
        EXPECT_GT(sums.lost, 0U) << "the ring was meant to be too small";
        EXPECT_GT(sums.lines, 0U);
    }
    EXPECT_NE(trace.errors.find("--ring-size"), std::string::npos) << "how to lose less";
}

TEST(Loss, OfEveryKindAtOnce) {
    const int each = scaled(1'000);
    const Trace trace = trace_stopped({"-e", "fork,exec,exit,signal"}, [&] {
        return two_workers(each, [] {
            exec("/bin/sh", {"sh", "-c", "kill -TERM $$"});
            return 0;
        });
    });
    const auto processes = 2 * static_cast<uint64_t>(each);
    const std::map<std::string, uint64_t> expected{{"fork", processes + 2},
                                                   {"exec", processes},
                                                   {"exit", processes + 3},
                                                   {"signal", processes}};
    for (const auto& [kind, count] : expected) {
        const Sums sums = sums_of(trace, kind);
        EXPECT_EQ(sums.lines + sums.lost, count) << kind;
        EXPECT_GT(sums.lost, 0U) << kind;
    }
}

TEST(Loss, NoneWhereTheRingHasRoom) {
    const int each = scaled(5'000);
    const Gate go;
    const pid_t root = start([&] {
        go.pass();
        return two_workers(each, [] { return 0; });
    });
    TraceRun run({"-e", "fork,exit", "--tree", std::to_string(root)});
    go.open();
    EXPECT_EQ(wait_for(root).code(), 0);
    const Trace trace = run.end();
    EXPECT_EQ(trace.of("fork").size(), 2 * static_cast<size_t>(each) + 2);
    EXPECT_EQ(trace.of("exit").size(), 2 * static_cast<size_t>(each) + 3);
    EXPECT_TRUE(trace.of("loss").empty());
}

// A loss lies within its reported times, and on its reported CPU.
TEST(Loss, SaysFromWhenToWhen) {
    const std::string begin = utc_now();
    const int each = scaled(2'000);
    const Trace trace =
        trace_stopped({"-e", "fork,exit"}, [&] { return two_workers(each, [] { return 0; }); });
    const std::string end = utc_now();
    ASSERT_FALSE(trace.of("loss").empty());
    for (const Event& loss : trace.of("loss")) {
        EXPECT_GE(loss.text("from"), begin);
        EXPECT_LE(loss.text("from"), loss.text("to"));
        EXPECT_LE(loss.text("to"), end);
        EXPECT_LT(loss.number("cpu"), ::sysconf(_SC_NPROCESSORS_CONF));
        EXPECT_GT(loss.number("count"), 0);
    }
}

}  // namespace
}  // namespace vigil::tests
