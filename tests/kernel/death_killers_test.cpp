// SPDX-License-Identifier: Apache-2.0
// The sender of the fatal signal: the right one of several, with its name and ancestry as of that
// time.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "processes.h"
#include "record_run.h"

namespace vigil::tests {
namespace {

// A process that sends one signal and exits.
pid_t send_from_another(pid_t target, int number) {
    const pid_t sender = start([&] { return ::kill(target, number); });
    EXPECT_EQ(wait_for(sender).code(), 0);
    return sender;
}

TEST(DeathKiller, IsNamedAlsoWhereItEndsAtOnce) {
    RecordRun& deaths = RecordRun::shared();
    const pid_t victim = start_sleeper();
    const Strings action{"kill", std::to_string(victim), "15"};
    const pid_t killer = start([&] {
        exec_self(action);
        return 0;
    });
    EXPECT_EQ(wait_for(killer).code(), 0);
    EXPECT_EQ(wait_for(victim).signal(), SIGTERM);
    const Event death = deaths.of(victim);
    EXPECT_EQ(death.text("signal_source"), "user");
    EXPECT_EQ(death.number("killer_pid"), killer);
    EXPECT_EQ(death.text("killer_executable"), self_path());
    const Strings argv = death.strings("killer_argv");
    ASSERT_GE(argv.size(), action.size());
    EXPECT_EQ(Strings(argv.end() - static_cast<ptrdiff_t>(action.size()), argv.end()), action);
    EXPECT_EQ(death.text("killer_user"), "root");
    EXPECT_EQ(death.numbers("killer_ancestor_pids").front(), ::getpid());
    EXPECT_EQ(death.number("killer_start_ns"), deaths.of(killer).number("start_ns"));
}

TEST(DeathKiller, ThroughTwoShells) {
    RecordRun& deaths = RecordRun::shared();
    const pid_t victim = start_sleeper();
    // Another command follows, so the shells do not exec.
    const std::string inner = self_path() + " act kill " + std::to_string(victim) + " 9; true";
    const std::string outer = "sh -c '" + inner + "'; true";
    const pid_t shell = start([&] {
        exec("/bin/sh", {"sh", "-c", outer});
        return 0;
    });
    EXPECT_EQ(wait_for(shell).code(), 0);
    EXPECT_EQ(wait_for(victim).signal(), SIGKILL);
    const Event death = deaths.of(victim);
    EXPECT_EQ(death.text("killer_executable"), self_path());
    const Strings above = death.strings("killer_ancestor_comms");
    ASSERT_GE(above.size(), 3U) << death.line();
    EXPECT_EQ(above[1], "sh") << "the inner one may be called otherwise: busybox starts itself";
    const auto pids = death.numbers("killer_ancestor_pids");
    EXPECT_EQ(pids[1], shell);
    EXPECT_EQ(pids[2], ::getpid());
    EXPECT_EQ(pids.back(), 1);
    EXPECT_EQ(death.numbers("killer_ancestor_start_ns").size(), pids.size());
}

TEST(DeathKiller, OfABlockedSignalIsItsFirstSender) {
    RecordRun& deaths = RecordRun::shared();
    const Gate go;
    const pid_t victim = start([&] {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        ::sigprocmask(SIG_BLOCK, &set, nullptr);
        go.pass();
        ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
        return 0;
    });
    wait_until(
        [&] {
            return proc_file(victim, "status").find("SigBlk:\t0000000000004000") !=
                   std::string::npos;
        },
        "the mask");
    const pid_t first = send_from_another(victim, SIGTERM);
    send_from_another(victim, SIGTERM);
    go.open();
    EXPECT_EQ(wait_for(victim).signal(), SIGTERM);
    EXPECT_EQ(deaths.of(victim).number("killer_pid"), first);
}

TEST(DeathKiller, IsNotWhoWasIgnored) {
    RecordRun& deaths = RecordRun::shared();
    const Gate go;
    const Gate heard;
    const pid_t victim = start_sleeper([&] { std::signal(SIGTERM, SIG_IGN); });
    send_from_another(victim, SIGTERM);
    const pid_t other = start([&] {
        std::signal(SIGTERM, SIG_IGN);
        heard.open();
        go.pass();
        std::signal(SIGTERM, SIG_DFL);
        heard.open();
        ::pause();
        return 0;
    });
    heard.pass();
    send_from_another(other, SIGTERM);
    go.open();
    heard.pass();
    const pid_t killer = send_from_another(other, SIGTERM);
    EXPECT_EQ(wait_for(other).signal(), SIGTERM);
    EXPECT_EQ(deaths.of(other).number("killer_pid"), killer);
    kill_and_wait(victim, SIGKILL);
    const Event death = deaths.of(victim);
    EXPECT_EQ(death.text("signal"), "SIGKILL");
    EXPECT_FALSE(death.has("before_signal")) << "that one was ignored";
}

TEST(DeathKiller, OfAGroupIsThatOfEachMember) {
    RecordRun& deaths = RecordRun::shared();
    std::array<pid_t, 3> members{};
    for (pid_t& member : members) {
        member = start_sleeper([&] { ::setpgid(0, members[0]); });
    }
    const pid_t killer = send_from_another(-members[0], SIGTERM);
    for (const pid_t member : members) {
        EXPECT_EQ(wait_for(member).signal(), SIGTERM);
        const Event death = deaths.of(member);
        EXPECT_EQ(death.number("killer_pid"), killer);
        EXPECT_EQ(death.text("signal_source"), "user");
    }
}

TEST(DeathKiller, WhoQueuedIsNamedToo) {
    RecordRun& deaths = RecordRun::shared();
    const pid_t victim = start_sleeper();
    ASSERT_EQ(::sigqueue(victim, SIGUSR2, {}), 0);
    EXPECT_EQ(wait_for(victim).signal(), SIGUSR2);
    const Event death = deaths.of(victim);
    EXPECT_EQ(death.text("signal_source"), "queue");
    EXPECT_EQ(death.number("killer_pid"), ::getpid());
}

TEST(DeathKiller, TermThenKillReportsBoth) {
    RecordRun& deaths = RecordRun::shared();
    const pid_t victim = start_sleeper([] { std::signal(SIGTERM, [](int) {}); });
    const pid_t first = send_from_another(victim, SIGTERM);
    const pid_t second = send_from_another(victim, SIGKILL);
    EXPECT_EQ(wait_for(victim).signal(), SIGKILL);
    const Event death = deaths.of(victim);
    EXPECT_EQ(death.text("signal"), "SIGKILL");
    EXPECT_EQ(death.number("killer_pid"), second);
    EXPECT_EQ(death.text("before_signal"), "SIGTERM");
    EXPECT_EQ(death.number("before_pid"), first);
    EXPECT_EQ(death.number("before_parent_pid"), ::getpid());
    EXPECT_LE(death.text("before_time"), death.text("signal_time"));
}

TEST(DeathKiller, AnExitAfterSigtermMentionsIt) {
    RecordRun& deaths = RecordRun::shared();
    const pid_t victim = start_sleeper([] { std::signal(SIGTERM, [](int) { ::_exit(0); }); });
    const pid_t sender = send_from_another(victim, SIGTERM);
    EXPECT_EQ(wait_for(victim).code(), 0);
    const Event death = deaths.of(victim);
    EXPECT_EQ(death.text("cause"), "exit");
    EXPECT_EQ(death.text("before_signal"), "SIGTERM");
    EXPECT_EQ(death.number("before_pid"), sender);
}

TEST(DeathKiller, OutOfMemoryInACgroup) {
    constexpr int64_t limit = 32 << 20;
    const auto cgroup = small_cgroup(std::to_string(limit));
    if (!cgroup) {
        GTEST_SKIP() << "no memory cgroup that can be written to";
    }
    const bool second_version = cgroup->has("memory.max");
    RecordRun& deaths = RecordRun::shared();
    const pid_t pid = start([&] {
        cgroup->enter();
        exec_self({"touch", "128"});
        return 0;
    });
    EXPECT_EQ(wait_for(pid).signal(), SIGKILL);
    const Event death = deaths.of(pid);
    EXPECT_EQ(death.text("cause"), "oom");
    EXPECT_EQ(death.text("signal_source"), "oom");
    EXPECT_EQ(death.number("oom_trigger_pid"), pid);
    EXPECT_FALSE(death.has("killer_pid"));
    if (second_version) {
        EXPECT_EQ(death.number("oom_limit_bytes"), limit);
        EXPECT_TRUE(cgroup->path().ends_with(death.text("oom_limit_cgroup"))) << death.line();
        EXPECT_EQ(death.text("cgroup"), death.text("oom_limit_cgroup"));
    } else {
        EXPECT_EQ(death.line().find("\"oom_limited\":true") != std::string::npos, true)
            << death.line();
        if (!death.is_null("oom_limit_bytes")) {  // its cgroup could still be read
            EXPECT_EQ(death.number("oom_limit_bytes"), limit) << death.line();
        }
    }
    if (!death.is_null("oom_rss_bytes")) {
        EXPECT_GT(death.number("oom_rss_bytes"), limit / 2);
        EXPECT_LT(death.number("oom_rss_bytes"), limit * 2);
    }
}

// It joins after its last exec, as `echo $! > cgroup.procs` does; another kill came before.
TEST(DeathKiller, OutOfMemoryInACgroupThatWasJoinedLate) {
    constexpr int64_t limit = 32 << 20;
    const auto cgroup = small_cgroup(std::to_string(limit));
    if (!cgroup || !cgroup->has("memory.max")) {
        GTEST_SKIP() << "no memory cgroup of version 2 that can be written to";
    }
    RecordRun& deaths = RecordRun::shared();
    for (int i = 0; i < 2; i++) {
        const Gate go;
        const pid_t pid = start([&] {
            go.pass();
            touch_mb(128);
            return 0;
        });
        EXPECT_TRUE(cgroup->write("cgroup.procs", std::to_string(pid)));
        go.open();
        EXPECT_EQ(wait_for(pid).signal(), SIGKILL);
        const Event death = deaths.of(pid);
        EXPECT_EQ(death.text("cause"), "oom");
        EXPECT_EQ(death.number("oom_limit_bytes"), limit) << death.line();
        EXPECT_EQ(death.text("cgroup"), death.text("oom_limit_cgroup"));
    }
}

TEST(DeathKiller, OutOfMemoryOfTheWholeMachine) {
    if (!in_guest()) {
        GTEST_SKIP() << "only where the machine is the tests' own";
    }
    const auto set_score = [](const std::string& process, std::string_view adjustment) {
        const Fd score(::open(("/proc/" + process + "/oom_score_adj").c_str(), O_WRONLY));
        (void)!::write(score.get(), adjustment.data(), adjustment.size());
    };
    RecordRun& deaths = RecordRun::shared();
    // The kernel may choose again before the memory of its first victim is free.
    set_score(std::to_string(deaths.program().pid()), "-1000");
    const pid_t pid = start([&] {
        set_score("self", "1000");
        for (int i = 0; i < 64; i++) {
            touch_mb(64);
        }
        return 0;
    });
    EXPECT_EQ(wait_for(pid).signal(), SIGKILL);
    const Event death = deaths.of(pid);
    EXPECT_EQ(death.text("cause"), "oom");
    EXPECT_TRUE(death.is_null("oom_limit_bytes")) << death.line();
}

}  // namespace
}  // namespace vigil::tests
