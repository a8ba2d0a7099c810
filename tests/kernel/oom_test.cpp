// SPDX-License-Identifier: Apache-2.0
// The OOM killer, in a cgroup with little memory.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "harness.h"
#include "processes.h"
#include "watch.h"

namespace vigil::tests {
namespace {

// The kernel first kills, then names the victim. If it takes more than 40 ms for that (a guest on a
// busy machine), the signal's source is not awaited.
void expect_source_oom(const Event& signal, const Event& oom) {
    const bool late = reported_ns(oom) > reported_ns(signal) + 40'000'000;
    EXPECT_TRUE(signal.text("source") == "oom" || late) << signal.line() << oom.line();
}

TEST(Oom, VictimIsNamedAndItsSignalExplained) {
    const auto cgroup = small_cgroup("33554432");
    if (!cgroup) {
        GTEST_SKIP() << "no memory cgroup that can be written to";
    }
    TraceWindow window;
    const pid_t pid = start([&] {
        cgroup->enter();
        exec_self({"touch", "128"});
        return 0;
    });
    EXPECT_EQ(wait_for(pid).signal(), SIGKILL);
    const Trace trace = window.end();
    const Event oom = trace.only("oom", pid);
    EXPECT_EQ(oom.number("ppid"), ::getpid());
    EXPECT_EQ(oom.number("trigger_pid"), pid);
    EXPECT_EQ(oom.text("trigger_comm"), oom.text("comm"));
    EXPECT_EQ(oom.number("oom_score_adj"), std::stoll(proc_file(::getpid(), "oom_score_adj")));
    if (!oom.is_null("rss_bytes")) {
        EXPECT_GT(oom.number("rss_bytes"), 16 << 20);
        EXPECT_LT(oom.number("rss_bytes"), 64 << 20);
    }
    const Event signal = trace.only_signal(pid, SIGKILL);
    expect_source_oom(signal, oom);
    EXPECT_TRUE(signal.is_null("sender_pid"));
    EXPECT_EQ(trace.only("exit", pid).text("exit_signal"), "SIGKILL");
}

TEST(Oom, EachMemberOfAGroupThatDiesTogetherIsNamed) {
    const auto cgroup = small_cgroup("33554432");
    if (!cgroup || !cgroup->write("memory.oom.group", "1")) {
        GTEST_SKIP() << "no memory.oom.group (cgroup2 with the memory controller)";
    }
    TraceWindow window;
    const pid_t bystander = start_sleeper([&] {
        cgroup->enter();
        touch_mb(4);
    });
    const pid_t glutton = start([&] {
        cgroup->enter();
        exec_self({"touch", "128"});
        return 0;
    });
    EXPECT_EQ(wait_for(glutton).signal(), SIGKILL);
    EXPECT_EQ(wait_for(bystander).signal(), SIGKILL);
    const Trace trace = window.end();
    for (const pid_t pid : {bystander, glutton}) {
        const auto ooms = trace.of("oom", pid);
        ASSERT_FALSE(ooms.empty());
        expect_source_oom(trace.signals(pid, SIGKILL).front(), ooms.front());
    }
}

TEST(Oom, KindCanBeAskedForAlone) {
    const auto cgroup = small_cgroup("33554432");
    if (!cgroup) {
        GTEST_SKIP() << "no memory cgroup that can be written to";
    }
    TraceRun run({"-e", "oom"});
    const pid_t pid = start([&] {
        cgroup->enter();
        exec_self({"touch", "128"});
        return 0;
    });
    wait_for(pid);
    const Trace trace = run.end();
    trace.only("oom", pid);
    EXPECT_EQ(trace.events.size(), trace.of("oom").size());
}

}  // namespace
}  // namespace vigil::tests
