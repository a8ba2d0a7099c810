// SPDX-License-Identifier: Apache-2.0
// Each filter passes exactly the events that it selects.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <set>
#include <thread>

#include "harness.h"
#include "processes.h"

namespace vigil::tests {
namespace {

// A fork, an exec, a signal and an exit.
pid_t full_life() {
    const pid_t pid = start([] {
        exec("/bin/sh", {"sh", "-c", "kill -TERM $$"});
        return 0;
    });
    EXPECT_EQ(wait_for(pid).signal(), SIGTERM);
    return pid;
}

TEST(Filters, KindsAreOneByOne) {
    for (const std::string kind : {"fork", "exec", "exit", "signal"}) {
        TraceRun run({"-e", kind});
        const pid_t pid = full_life();
        const Trace trace = run.end();
        trace.only(kind, pid);
        EXPECT_EQ(trace.events.size(), trace.of(kind).size());
        EXPECT_EQ(trace.totals.count(kind), 1U);
        EXPECT_EQ(trace.totals.size(), 1U) << trace.errors;
    }
}

TEST(Filters, KindsTogether) {
    TraceRun run({"-e", "exec,exit"});
    const pid_t pid = full_life();
    const Trace trace = run.end();
    trace.only("exec", pid);
    trace.only("exit", pid);
    EXPECT_EQ(trace.events.size(), trace.of("exec").size() + trace.of("exit").size());
}

TEST(Filters, SignalsByName) {
    TraceRun run({"-s", "usr1", "-s", "RTMIN+3,12"});
    const pid_t pid = start_sleeper([] {
        for (const int number : {SIGUSR1, SIGUSR2, SIGCONT, SIGRTMIN + 3}) {
            std::signal(number, SIG_IGN);
        }
    });
    for (const int number : {SIGUSR1, SIGUSR2, SIGCONT, SIGRTMIN + 3}) {
        ::kill(pid, number);
    }
    kill_and_wait(pid, SIGKILL);
    const Trace trace = run.end();
    trace.only_signal(pid, SIGUSR1);
    trace.only_signal(pid, SIGUSR2);  // 12
    trace.only_signal(pid, SIGRTMIN + 3);
    EXPECT_EQ(trace.of("signal", pid).size(), 3U);
    for (const Event& event : trace.of("signal")) {
        EXPECT_TRUE((std::set<int64_t>{SIGUSR1, SIGUSR2, SIGRTMIN + 3})
                        .count(event.number("signal_number")) == 1);
    }
}

TEST(Filters, ChildSignalsOnlyWhenAllAreAskedFor) {
    for (const bool all : {false, true}) {
        TraceRun run(all ? Strings{"-a"} : Strings{});
        wait_for(start([] { return 0; }));
        const Trace trace = run.end();
        EXPECT_EQ(!trace.signals(::getpid(), SIGCHLD).empty(), all);
    }
}

TEST(Filters, PidIsOnEitherSide) {
    const Gate go;
    const Gate done;
    const pid_t victim = start_sleeper();
    const pid_t pid = start([&] {
        go.pass();
        ::kill(victim, SIGTERM);
        wait_for(start([] { return 0; }));
        done.open();
        return ::pause();
    });
    TraceRun run({"-p", std::to_string(pid)});
    go.open();
    wait_for(victim);
    done.pass();
    full_life();
    kill_and_wait(pid, SIGKILL);
    const Trace trace = run.end();
    EXPECT_EQ(trace.only_signal(victim, SIGTERM).number("sender_pid"), pid);
    trace.only_signal(pid, SIGKILL);
    trace.only("exit", pid);
    EXPECT_EQ(trace.of("fork").size(), 1U);
    for (const Event& event : trace.events) {
        const bool sent = event.kind() == "signal" && !event.is_null("sender_pid") &&
                          event.number("sender_pid") == pid;
        EXPECT_TRUE(event.pid() == pid || sent || event.number("ppid") == pid) << event.line();
    }
}

TEST(Filters, SenderAndTarget) {
    const Gate go;
    const std::array<pid_t, 2> victims{start_sleeper(), start_sleeper()};
    const pid_t sender = start([&] {
        go.pass();
        return ::kill(victims[0], SIGTERM) + ::kill(victims[1], SIGTERM);
    });
    const std::string from = std::to_string(sender);
    const std::string to = std::to_string(victims[0]);
    TraceRun by_sender({"--sender", from});
    TraceRun by_target({"--target", to});
    TraceRun by_both({"--sender", from, "--target", to});
    go.open();
    wait_for(sender);
    for (const pid_t victim : victims) {
        kill_and_wait(victim, SIGKILL);
    }
    const Trace sent = by_sender.end();
    EXPECT_EQ(sent.events.size(), 2U);
    sent.only_signal(victims[0], SIGTERM);
    sent.only_signal(victims[1], SIGTERM);
    const Trace got = by_target.end();
    got.only_signal(victims[0], SIGTERM);
    EXPECT_EQ(got.of("signal", victims[0]).size(), got.events.size());
    const Trace both = by_both.end();
    both.only_signal(victims[0], SIGTERM);
    EXPECT_EQ(both.events.size(), 1U);
}

TEST(Filters, CommIsTheOneThatItTurnedOutToRun) {
    const TempDirectory directory;
    // 16 bytes, of which the kernel keeps 15.
    const std::string name = "vigil-name-16-xy";
    const std::string path = directory.path() + "/" + name;
    ASSERT_EQ(::symlink(self_path().c_str(), path.c_str()), 0);
    TraceRun run({"-c", name});
    const pid_t pid = start([&] {
        exec_self({"exit", "3"}, path);
        return 0;
    });
    wait_for(pid);
    full_life();
    const Trace trace = run.end();
    EXPECT_EQ(trace.only("fork", pid).text("comm"), name.substr(0, 15));
    EXPECT_EQ(trace.only("exec", pid).text("comm"), name.substr(0, 15));
    EXPECT_EQ(trace.only("exit", pid).text("comm"), name.substr(0, 15));
    EXPECT_EQ(trace.events.size(), 3U);
    EXPECT_GT(trace.totals.at("exec").filtered, 0U);
}

TEST(Filters, NamesOfScriptsPatternsAndPaths) {
    const TempDirectory directory;
    const std::string path = directory.path() + "/vigil-nightly.sh";
    std::ofstream(path) << "read x\n";
    int input[2];  // nothing ever comes
    ASSERT_EQ(::pipe(input), 0);
    const auto run_script = [&] {
        ::dup2(input[0], STDIN_FILENO);
        exec("/bin/sh", {"sh", "-o", "errexit", path});
        return 99;
    };
    const pid_t older = start(run_script);
    wait_until([&] { return proc_file(older, "cmdline").find(path) != std::string::npos; },
               "the script");
    TraceRun by_name({"-c", "vigil-nightly.sh"});
    TraceRun by_pattern({"-c", "vigil-night*"});
    TraceRun by_path({"-c", path});
    TraceRun others({"-c", "vigil-night"});
    const pid_t newer = start(run_script);
    wait_until([&] { return proc_file(newer, "cmdline").find(path) != std::string::npos; },
               "the script");
    kill_and_wait(older, SIGTERM);
    kill_and_wait(newer, SIGTERM);
    ::close(input[0]);
    ::close(input[1]);
    for (TraceRun* run : {&by_name, &by_pattern, &by_path}) {
        const Trace trace = run->end();
        trace.only("fork", newer);
        trace.only("exec", newer);
        for (const pid_t pid : {older, newer}) {
            trace.only_signal(pid, SIGTERM);
            trace.only("exit", pid);
        }
        EXPECT_EQ(trace.events.size(), 6U);
    }
    const Trace nothing = others.end();
    EXPECT_EQ(nothing.events.size(), 0U);
    EXPECT_NE(nothing.errors.find("no event was of a process named 'vigil-night'"),
              std::string::npos);
}

TEST(Filters, User) {
    TraceRun run({"-u", "4321"});
    const pid_t pid = start([] {
        if (::setresuid(4321, 4321, 4321) != 0) {
            return 99;
        }
        return wait_for(start([] { return 4; })).code();
    });
    EXPECT_EQ(wait_for(pid).code(), 4);
    full_life();
    const Trace trace = run.end();
    trace.only("exit", pid);
    EXPECT_EQ(trace.of("exit").size(), 2U);
    EXPECT_EQ(trace.of("fork").size(), 1U);
    for (const Event& event : trace.events) {
        EXPECT_EQ(event.number("uid"), 4321) << event.line();
    }
}

TEST(Filters, UserByName) {
    TraceRun run({"-u", "nobody", "-e", "exit"});
    const pid_t pid = start([] { return ::setresuid(65534, 65534, 65534); });
    wait_for(pid);
    full_life();
    const Trace trace = run.end();
    trace.only("exit", pid);
    EXPECT_EQ(trace.events.size(), 1U);
}

// A root with a running child; both fork more children after the tracer has started.
TEST(Filters, TreeOfWhatRunsAndWhatStartsLater) {
    const Gate root_go, child_go;
    int report[2];
    ASSERT_EQ(::pipe(report), 0);
    const pid_t root = start([&] {
        const pid_t child = start([&] {
            child_go.pass();
            // Three levels below the root.
            return wait_for(start([] { return wait_for(start([] { return 3; })).code(); })).code();
        });
        (void)!::write(report[1], &child, sizeof child);
        root_go.pass();
        return wait_for(child).code() + wait_for(start([] { return 1; })).code();
    });
    pid_t child = 0;
    ASSERT_EQ(::read(report[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
    TraceRun run({"--tree", std::to_string(root)});
    child_go.open();
    root_go.open();
    full_life();
    EXPECT_EQ(wait_for(root).code(), 4);
    const Trace trace = run.end();
    EXPECT_EQ(trace.of("fork").size(), 3U);
    EXPECT_EQ(trace.of("exit").size(), 5U);
    trace.only("exit", root);
    EXPECT_EQ(trace.only("exit", child).number("exit_code"), 3);
    std::set<int64_t> members{root, child};
    for (const Event& event : trace.of("fork")) {
        EXPECT_EQ(members.count(event.number("ppid")), 1U) << event.line();
        members.insert(event.pid());
    }
    for (const Event& event : trace.events) {
        EXPECT_EQ(members.count(event.pid()), 1U) << event.line();
    }
}

TEST(Filters, TreeOutlivesItsRoot) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const Gate go;
    int report[2];
    ASSERT_EQ(::pipe(report), 0);
    const pid_t root = start([&] {
        const pid_t orphan = start([&] {
            go.pass();
            return wait_for(start([] { return 6; })).code();
        });
        (void)!::write(report[1], &orphan, sizeof orphan);
        return ::pause();
    });
    pid_t orphan = 0;
    ASSERT_EQ(::read(report[0], &orphan, sizeof orphan), static_cast<ssize_t>(sizeof orphan));
    TraceRun run({"--tree", std::to_string(root), "-e", "exit"});
    kill_and_wait(root, SIGKILL);
    go.open();
    wait_for(orphan);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    const Trace trace = run.end();
    trace.only("exit", root);
    trace.only("exit", orphan);
    EXPECT_EQ(trace.events.size(), 3U);
}

TEST(Filters, CgroupAndWhatIsBelow) {
    const std::string mount = cgroup_mount("");
    const auto cgroup = Cgroup::make(mount);
    if (!cgroup) {
        GTEST_SKIP() << "no cgroup2 that can be written to";
    }
    const auto below = Cgroup::make(cgroup->path());
    ASSERT_TRUE(below);
    TraceRun run({"--cgroup", cgroup->path().substr(mount.size())});
    TraceRun by_whole_path({"--cgroup", cgroup->path()});
    const pid_t inside = start([&] {
        cgroup->enter();
        exec_self({"exit", "1"});
        return 0;
    });
    const pid_t deeper = start([&] {
        below->enter();
        exec_self({"exit", "2"});
        return 0;
    });
    wait_for(inside);
    wait_for(deeper);
    full_life();
    for (const Trace& trace : {run.end(), by_whole_path.end()}) {
        trace.only("exec", inside);
        trace.only("exit", inside);
        trace.only("exec", deeper);
        trace.only("exit", deeper);
        EXPECT_EQ(trace.events.size(), 4U);
    }
}

// As systemd does when it restarts a unit.
TEST(Filters, CgroupIsFollowedWhenItIsMadeAnew) {
    const std::string mount = cgroup_mount("");
    const auto cgroup = Cgroup::make(mount);
    if (!cgroup) {
        GTEST_SKIP() << "no cgroup2 that can be written to";
    }
    const auto live = [&] {
        const pid_t pid = start([&] {
            cgroup->enter();
            exec_self({"exit", "1"});
            return 0;
        });
        wait_for(pid);
        return pid;
    };
    TraceRun run({"--cgroup", cgroup->path()});
    const pid_t before = live();
    const uint64_t old_id = cgroup->id();
    ASSERT_TRUE(wait_until([&] { return ::rmdir(cgroup->path().c_str()) == 0; }, "rmdir"));
    // Neither of them is the one that is followed.
    const std::string longer = cgroup->path() + "x";
    ASSERT_EQ(::mkdir(longer.c_str(), 0755), 0);
    ASSERT_EQ(::rmdir(longer.c_str()), 0);
    ASSERT_EQ(::mkdir(cgroup->path().c_str(), 0755), 0);
    ASSERT_NE(cgroup->id(), old_id);
    const pid_t after = live();
    full_life();
    const Trace trace = run.end();
    for (const pid_t pid : {before, after}) {
        trace.only("exec", pid);
        trace.only("exit", pid);
    }
    EXPECT_EQ(trace.events.size(), 4U);
}

TEST(Filters, ThreadsWhenAskedFor) {
    Strings options = own_tree();
    options.push_back("--threads");
    TraceRun run(options);
    const pid_t pid = start([] {
        for (int i = 0; i < 3; i++) {
            std::thread([] { ::prctl(PR_SET_NAME, "a thread"); }).join();
        }
        return 5;
    });
    wait_for(pid);
    const Trace trace = run.end();
    std::set<int64_t> started, gone;
    for (const Event& fork : trace.of("fork", pid)) {
        EXPECT_TRUE(started.insert(fork.number("tid")).second);
        EXPECT_EQ(fork.flag("thread"), fork.number("tid") != pid);
    }
    int processes = 0;
    for (const Event& exit : trace.of("exit", pid)) {
        EXPECT_TRUE(gone.insert(exit.number("tid")).second);
        processes += exit.flag("thread") ? 0 : 1;
        EXPECT_EQ(exit.text("comm") == "a thread", exit.flag("thread"));
    }
    EXPECT_EQ(started.size(), 4U);
    EXPECT_EQ(gone, started);
    EXPECT_EQ(processes, 1);
}

TEST(Filters, NoThreadsByDefault) {
    TraceWindow window;
    const pid_t pid = start([] {
        std::thread([] {}).join();
        return 0;
    });
    wait_for(pid);
    const Trace trace = window.end();
    EXPECT_FALSE(trace.only("fork", pid).flag("thread"));
    EXPECT_FALSE(trace.only("exit", pid).flag("thread"));
}

}  // namespace
}  // namespace vigil::tests
