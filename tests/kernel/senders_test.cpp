// SPDX-License-Identifier: Apache-2.0
// Signals from one process to another: both are named, for every call and however short-lived they
// are; and attempts that failed.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "harness.h"
#include "mount_ns.h"
#include "processes.h"

namespace vigil::tests {
namespace {

// A separate sender, with a name and a user, signals a victim with a name; the sender has exited
// before anything is read.
struct Sent {
    pid_t sender = 0;
    pid_t victim = 0;
    Trace trace;
    Event signal;
};

Sent send_with(int number, const std::function<int(pid_t)>& call, bool wait_for_death = true) {
    Sent sent;
    TraceWindow window;
    sent.victim = start_sleeper([] { ::prctl(PR_SET_NAME, "the victim"); });
    const uint64_t sender_from = boot_now_ns();
    sent.sender = start([&] {
        ::prctl(PR_SET_NAME, "the sender");
        return call(sent.victim);
    });
    EXPECT_EQ(wait_for(sent.sender).code(), 0);
    const uint64_t sender_to = boot_now_ns();
    if (wait_for_death) {
        EXPECT_EQ(wait_for(sent.victim).signal(), number);
    }
    sent.trace = window.end();
    sent.signal = sent.trace.only_signal(sent.victim, number);
    const Event& signal = sent.signal;
    EXPECT_EQ(signal.text("comm"), "the victim");
    EXPECT_EQ(signal.number("ppid"), ::getpid());
    EXPECT_EQ(signal.number("sender_pid"), sent.sender);
    EXPECT_EQ(signal.number("sender_tid"), sent.sender);
    EXPECT_EQ(signal.text("sender_comm"), "the sender");
    EXPECT_EQ(signal.number("sender_uid"), 0);
    EXPECT_GE(signal.number("sender_start_ns"), static_cast<int64_t>(sender_from));
    EXPECT_LE(signal.number("sender_start_ns"), static_cast<int64_t>(sender_to));
    EXPECT_EQ(signal.text("result"), "delivered");
    return sent;
}

TEST(Senders, KillNamesBothThoughTheSenderDiesAtOnce) {
    const Sent sent = send_with(SIGKILL, [](pid_t pid) { return ::kill(pid, SIGKILL); });
    EXPECT_EQ(sent.signal.text("source"), "user");
    EXPECT_EQ(sent.signal.number("code"), SI_USER);
    EXPECT_TRUE(sent.signal.flag("process_wide"));
    EXPECT_EQ(sent.trace.only("exit", sent.victim).text("exit_signal"), "SIGKILL");
    EXPECT_LT(sent.trace.index_of("signal", sent.victim), sent.trace.index_of("exit", sent.victim));
}

TEST(Senders, SigqueueIsQueue) {
    const Sent sent = send_with(SIGTERM, [](pid_t pid) { return ::sigqueue(pid, SIGTERM, {}); });
    EXPECT_EQ(sent.signal.text("source"), "queue");
    EXPECT_EQ(sent.signal.number("code"), SI_QUEUE);
}

TEST(Senders, TgkillIsUserToOneThread) {
    const Sent sent = send_with(SIGTERM, [](pid_t pid) {
        return static_cast<int>(::syscall(SYS_tgkill, pid, pid, SIGTERM));
    });
    EXPECT_EQ(sent.signal.text("source"), "user");
    EXPECT_EQ(sent.signal.number("code"), SI_TKILL);
    EXPECT_FALSE(sent.signal.flag("process_wide"));
}

TEST(Senders, TkillIsUser) {
    const Sent sent = send_with(
        SIGTERM, [](pid_t pid) { return static_cast<int>(::syscall(SYS_tkill, pid, SIGTERM)); });
    EXPECT_EQ(sent.signal.text("source"), "user");
    EXPECT_EQ(sent.signal.number("code"), SI_TKILL);
}

TEST(Senders, PidfdIsUser) {
    const Sent sent = send_with(SIGTERM, [](pid_t pid) {
        const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
        return static_cast<int>(::syscall(SYS_pidfd_send_signal, fd, SIGTERM, nullptr, 0));
    });
    EXPECT_EQ(sent.signal.text("source"), "user");
}

TEST(Senders, RealtimeSignalHasItsName) {
    const Sent sent =
        send_with(SIGRTMIN + 3, [](pid_t pid) { return ::sigqueue(pid, SIGRTMIN + 3, {}); });
    EXPECT_EQ(sent.signal.text("signal"), "SIGRTMIN+3");
}

TEST(Senders, KillOfAGroupReportsEachMember) {
    TraceWindow window;
    std::vector<pid_t> members;
    for (int i = 0; i < 3; i++) {
        const pid_t group = members.empty() ? 0 : members[0];
        members.push_back(start_sleeper([&] { ::setpgid(0, group); }));
    }
    const pid_t sender = start([&] { return ::kill(-members[0], SIGTERM); });
    EXPECT_EQ(wait_for(sender).code(), 0);
    for (const pid_t member : members) {
        EXPECT_EQ(wait_for(member).signal(), SIGTERM);
    }
    const Trace trace = window.end();
    for (const pid_t member : members) {
        const Event signal = trace.only_signal(member, SIGTERM);
        EXPECT_EQ(signal.text("source"), "user");
        EXPECT_EQ(signal.number("sender_pid"), sender);
        EXPECT_EQ(trace.only("exit", member).text("exit_signal"), "SIGTERM");
    }
}

TEST(Senders, CgroupKillIsByTheUserWhoWroteIt) {
    const auto cgroup = Cgroup::make(cgroup_mount(""));
    if (!cgroup || !cgroup->has("cgroup.kill")) {
        GTEST_SKIP() << "no cgroup.kill here (cgroup2 on Linux 5.14 or later)";
    }
    TraceWindow window;
    std::vector<pid_t> members;
    for (int i = 0; i < 2; i++) {
        members.push_back(start_sleeper([&] { cgroup->enter(); }));
    }
    const pid_t sender = start([&] { return cgroup->write("cgroup.kill", "1") ? 0 : 1; });
    EXPECT_EQ(wait_for(sender).code(), 0);
    for (const pid_t member : members) {
        EXPECT_EQ(wait_for(member).signal(), SIGKILL);
    }
    const Trace trace = window.end();
    for (const pid_t member : members) {
        const Event signal = trace.only_signal(member, SIGKILL);
        EXPECT_EQ(signal.text("source"), "user");
        EXPECT_EQ(signal.number("sender_pid"), sender);
    }
}

class FailedKills : public ::testing::Test {
 protected:
    void SetUp() override {
        if (!has_tracefs()) {
            GTEST_SKIP() << "no tracefs, and none could be mounted";
        }
        gone_ = start([] { return 0; });
        wait_for(gone_);
    }

    // Runs a call that fails in a child; returns its event.
    Event fail(const std::function<void()>& call) {
        TraceRun run({"--failed"});
        const pid_t pid = start([&] {
            call();
            return errno;
        });
        error_ = wait_for(pid).code();
        return run.end().only("kill_failed", pid);
    }

    pid_t gone_ = 0;
    int error_ = 0;
};

TEST_F(FailedKills, KillOfNobody) {
    const Event failed = fail([&] { ::kill(gone_, SIGTERM); });
    EXPECT_EQ(error_, ESRCH);
    EXPECT_EQ(failed.text("error"), "ESRCH");
    EXPECT_EQ(failed.text("syscall"), "kill");
    EXPECT_EQ(failed.text("signal"), "SIGTERM");
    EXPECT_EQ(failed.number("signal_number"), SIGTERM);
    EXPECT_EQ(failed.number("target_pid"), gone_);
    EXPECT_TRUE(failed.is_null("target_tid"));
    EXPECT_EQ(failed.number("ppid"), ::getpid());
}

TEST_F(FailedKills, TgkillOfNobody) {
    const Event failed = fail([&] { ::syscall(SYS_tgkill, gone_, gone_, SIGUSR2); });
    EXPECT_EQ(failed.text("error"), "ESRCH");
    EXPECT_EQ(failed.text("syscall"), "tgkill");
    EXPECT_EQ(failed.text("signal"), "SIGUSR2");
    EXPECT_EQ(failed.number("target_pid"), gone_);
    EXPECT_EQ(failed.number("target_tid"), gone_);
}

TEST_F(FailedKills, TkillOfNobody) {
    const Event failed = fail([&] { ::syscall(SYS_tkill, gone_, SIGUSR2); });
    EXPECT_EQ(failed.text("error"), "ESRCH");
    EXPECT_EQ(failed.text("syscall"), "tkill");
    EXPECT_EQ(failed.number("target_tid"), gone_);
}

TEST_F(FailedKills, SigqueueOfNobody) {
    const Event failed = fail([&] { ::sigqueue(gone_, SIGUSR2, {}); });
    EXPECT_EQ(failed.text("error"), "ESRCH");
    EXPECT_EQ(failed.text("syscall"), "rt_sigqueueinfo");
    EXPECT_EQ(failed.text("signal"), "SIGUSR2");
    EXPECT_EQ(failed.number("target_pid"), gone_);
    EXPECT_TRUE(failed.is_null("target_tid"));
}

TEST_F(FailedKills, TgsigqueueOfNobody) {
    const Event failed = fail([&] {
        siginfo_t info{};
        info.si_code = SI_QUEUE;
        ::syscall(SYS_rt_tgsigqueueinfo, gone_, gone_, SIGUSR2, &info);
    });
    EXPECT_EQ(failed.text("error"), "ESRCH");
    EXPECT_EQ(failed.text("syscall"), "rt_tgsigqueueinfo");
    EXPECT_EQ(failed.text("signal"), "SIGUSR2");
    EXPECT_EQ(failed.number("target_pid"), gone_);
    EXPECT_EQ(failed.number("target_tid"), gone_);
}

TEST_F(FailedKills, PidfdOfAProcessThatIsGone) {
    const pid_t target = start_sleeper();
    const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, target, 0)));
    ASSERT_TRUE(pidfd);
    kill_and_wait(target, SIGKILL);
    const Event failed =
        fail([&] { ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGUSR2, nullptr, 0); });
    EXPECT_EQ(failed.text("error"), "ESRCH");
    EXPECT_EQ(failed.text("syscall"), "pidfd_send_signal");
    EXPECT_EQ(failed.text("signal"), "SIGUSR2");
    EXPECT_TRUE(failed.is_null("target_tid"));
    // Since 6.12 the kernel forgets the pid of a process that was waited for.
    EXPECT_TRUE(failed.is_null("target_pid") || failed.number("target_pid") == target)
        << failed.line();
}

TEST_F(FailedKills, PidfdOfAnotherUsersProcess) {
    const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
    ASSERT_TRUE(pidfd);
    const Event failed = fail([&] {
        (void)!::setresuid(65534, 65534, 65534);
        ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGTERM, nullptr, 0);
    });
    EXPECT_EQ(failed.text("error"), "EPERM");
    EXPECT_EQ(failed.number("target_pid"), ::getpid());
}

TEST_F(FailedKills, PidfdThatIsNone) {
    const Event failed = fail([] { ::syscall(SYS_pidfd_send_signal, 9999, SIGTERM, nullptr, 0); });
    EXPECT_EQ(failed.text("error"), "EBADF");
    EXPECT_TRUE(failed.is_null("target_pid"));
}

TEST_F(FailedKills, KillOfAnotherUsersProcess) {
    const Event failed = fail([] {
        (void)!::setresuid(65534, 65534, 65534);
        ::kill(::getppid(), SIGTERM);
    });
    EXPECT_EQ(error_, EPERM);
    EXPECT_EQ(failed.text("error"), "EPERM");
    EXPECT_EQ(failed.number("uid"), 65534);
    EXPECT_EQ(failed.number("target_pid"), ::getpid());
}

TEST_F(FailedKills, NumberThatIsNoSignalIsNotNamedAsAnother) {
    const Event failed = fail([] { ::kill(::getppid(), 99); });
    EXPECT_EQ(failed.text("error"), "EINVAL");
    EXPECT_EQ(failed.number("signal_number"), 99);
    EXPECT_NE(failed.text("signal"), "SIG0");
}

TEST_F(FailedKills, SuccessIsNoFailure) {
    TraceRun run({"--failed"});
    const pid_t victim = start_sleeper();
    kill_and_wait(victim, SIGTERM);
    const Trace trace = run.end();
    EXPECT_TRUE(trace.of("kill_failed", ::getpid()).empty());
    trace.only_signal(victim, SIGTERM);
}

TEST(Failed, NotReportedUnlessRequested) {
    const pid_t gone = start([] { return 0; });
    wait_for(gone);
    TraceWindow window;
    ::kill(gone, SIGTERM);
    EXPECT_TRUE(window.end().of("kill_failed").empty());
}

}  // namespace
}  // namespace vigil::tests
