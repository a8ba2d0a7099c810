// SPDX-License-Identifier: Apache-2.0
// Fork, exec and exit of processes: each field against /proc, wait4 and the request.
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <map>
#include <vector>

#include "harness.h"
#include "processes.h"

namespace vigil::tests {
namespace {

constexpr uint64_t tick_ns = 10'000'000;  // of /proc/PID/stat: USER_HZ is 100

// A shell that waits for the end of its input; its state is read while it waits.
class KnownCommand : public ::testing::Test {
 protected:
    void SetUp() override {
        TraceWindow window;
        const Gate input;
        std::array<int, 2> ends{};
        ASSERT_EQ(::pipe(ends.data()), 0);
        begin_ = utc_now();
        const uint64_t begin_ns = boot_now_ns();
        pid_ = start([&] {
            ::dup2(ends[0], STDIN_FILENO);
            ::close(ends[1]);
            if (::setgroups(0, nullptr) != 0 || ::setresgid(1234, 1234, 1234) != 0 ||
                ::setresuid(4321, 4321, 4321) != 0) {
                return 99;
            }
            exec("/bin/sh", argv_);
        });
        ::close(ends[0]);
        wait_until([&] { return proc_file(pid_, "comm") == "sh\n"; }, "the shell");
        start_ticks_ = proc_stat(pid_, 22);
        parent_start_ticks_ = proc_stat(::getpid(), 22);
        const uint64_t ran_from_ns = boot_now_ns();
        ::close(ends[1]);
        ended_ = wait_for(pid_);
        least_life_ns_ = static_cast<int64_t>(ran_from_ns - begin_ns) / 2;
        max_life_ns_ = static_cast<int64_t>(boot_now_ns() - begin_ns);
        trace_ = window.end();
        end_ = utc_now();
    }

    void expect_who(const Event& event, const std::string& comm, int uid, int gid) const {
        EXPECT_EQ(event.text("comm"), comm);
        EXPECT_EQ(event.pid(), pid_);
        EXPECT_EQ(event.number("tid"), pid_);
        EXPECT_EQ(event.number("ppid"), ::getpid());
        EXPECT_EQ(event.number("uid"), uid);
        EXPECT_EQ(event.number("gid"), gid);
        EXPECT_EQ(event.number("pidns_level"), 0);
        EXPECT_GT(event.number("cgroup_id"), 0);
        EXPECT_EQ(static_cast<uint64_t>(event.number("start_ns")) / tick_ns, start_ticks_);
        EXPECT_GE(event.number("cpu"), 0);
        EXPECT_LT(event.number("cpu"), ::sysconf(_SC_NPROCESSORS_CONF));
        EXPECT_GE(event.text("time"), begin_);
        EXPECT_LE(event.text("time"), end_);
        std::array<char, 256> host{};
        ::gethostname(host.data(), host.size() - 1);
        EXPECT_EQ(event.text("host"), host.data());
    }

    const Strings argv_{"sh", "-c", "read line; exit 3", "name", "an argument"};
    pid_t pid_ = -1;
    uint64_t start_ticks_ = 0;
    uint64_t parent_start_ticks_ = 0;
    int64_t least_life_ns_ = 0;
    int64_t max_life_ns_ = 0;
    std::string begin_, end_;
    ExitResult ended_;
    Trace trace_;
};

TEST_F(KnownCommand, ForkReportsTheChildAndItsParent) {
    const Event fork = trace_.only("fork", pid_);
    std::string own_comm = proc_file(::getpid(), "comm");
    own_comm.pop_back();
    expect_who(fork, own_comm, 0, 0);
    EXPECT_FALSE(fork.flag("thread"));
    EXPECT_EQ(static_cast<uint64_t>(fork.number("parent_start_ns")) / tick_ns, parent_start_ticks_);
}

TEST_F(KnownCommand, ExecReportsFileAndArguments) {
    const Event exec = trace_.only("exec", pid_);
    expect_who(exec, "sh", 4321, 1234);
    EXPECT_EQ(exec.text("file"), "/bin/sh");
    EXPECT_EQ(exec.strings("argv"), argv_);
    EXPECT_FALSE(exec.flag("argv_truncated"));
    EXPECT_EQ(exec.number("argc"), static_cast<int64_t>(argv_.size()));
    int64_t bytes = 0;
    for (const std::string& word : argv_) {
        bytes += static_cast<int64_t>(word.size()) + 1;
    }
    EXPECT_EQ(exec.number("argv_bytes"), bytes);
    EXPECT_EQ(exec.number("old_tid"), pid_);
}

TEST_F(KnownCommand, ExitReportsCodeAndLifetime) {
    const Event exit = trace_.only("exit", pid_);
    expect_who(exit, "sh", 4321, 1234);
    ASSERT_EQ(ended_.code(), 3);
    EXPECT_EQ(exit.number("exit_code"), 3);
    EXPECT_TRUE(exit.is_null("exit_signal"));
    EXPECT_FALSE(exit.flag("core_dumped"));
    EXPECT_FALSE(exit.flag("thread"));
    EXPECT_FALSE(exit.flag("bill_partial"));
    EXPECT_EQ(exit.number("threads"), 1);
    EXPECT_GE(exit.number("lifetime_ns"), least_life_ns_);
    EXPECT_LE(exit.number("lifetime_ns"), max_life_ns_);
}

TEST_F(KnownCommand, EventsComeInTheOrderOfLife) {
    const auto fork = trace_.index_of("fork", pid_);
    const auto exec = trace_.index_of("exec", pid_);
    const auto exit = trace_.index_of("exit", pid_);
    EXPECT_LE(0, fork);
    EXPECT_LT(fork, exec);
    EXPECT_LT(exec, exit);
}

TEST(Lifecycle, ExitCodes) {
    TraceWindow window;
    std::map<int, pid_t> children;
    for (const int code : {0, 1, 3, 127, 255}) {
        children[code] = start([&] { return code; });
        EXPECT_EQ(wait_for(children[code]).code(), code);
    }
    const Trace trace = window.end();
    for (const auto& [code, pid] : children) {
        EXPECT_EQ(trace.only("exit", pid).number("exit_code"), code);
    }
}

TEST(Lifecycle, FailedExecAfterVforkIsNoExec) {
    TraceWindow window;
    const pid_t pid = ::vfork();
    if (pid == 0) {
        ::execl("/nonexistent/program", "program", nullptr);
        ::_exit(126);
    }
    EXPECT_EQ(wait_for(pid).code(), 126);
    const Trace trace = window.end();
    trace.only("fork", pid);
    EXPECT_TRUE(trace.of("exec", pid).empty());
    EXPECT_EQ(trace.only("exit", pid).number("exit_code"), 126);
}

TEST(Lifecycle, ScriptHasItsOwnNameAndTheArgumentsOfItsInterpreter) {
    const TempDirectory directory;
    const std::string script = directory.path() + "/script";
    std::ofstream(script) << "#!/bin/sh\nread line\n";
    ::chmod(script.c_str(), 0755);
    TraceWindow window;
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t pid = start([&] {
        ::dup2(ends[0], STDIN_FILENO);
        ::close(ends[1]);
        exec(script, {script, "one"});
        return 0;
    });
    ::close(ends[0]);
    // exec(2) sets the name first and the arguments' address later.
    std::string line;
    wait_until(
        [&] {
            line = proc_file(pid, "cmdline");
            return proc_file(pid, "comm") == "script\n" && line.ends_with(std::string("one\0", 4));
        },
        "the script");
    ::close(ends[1]);
    wait_for(pid);
    const Trace trace = window.end();
    const Event exec = trace.only("exec", pid);
    EXPECT_EQ(exec.text("comm"), "script");
    EXPECT_EQ(exec.text("file"), script);
    EXPECT_EQ(exec.strings("argv"), (Strings{"/bin/sh", script, "one"}));
    EXPECT_EQ(exec.number("argc"), 3);
    EXPECT_EQ(exec.number("argv_bytes"), static_cast<int64_t>(line.size()));
}

TEST(Lifecycle, EachExecOfOneProcessIsReported) {
    TraceWindow window;
    const pid_t pid = start([] {
        exec("/bin/sh", {"sh", "-c", "exec /bin/sh -c 'exec /bin/sh -c \"exit 9\"'"});
        return 0;
    });
    EXPECT_EQ(wait_for(pid).code(), 9);
    const Trace trace = window.end();
    EXPECT_EQ(trace.of("exec", pid).size(), 3U);
    EXPECT_EQ(trace.only("exit", pid).number("exit_code"), 9);
}

TEST(Lifecycle, ProcessOfOneMillisecond) {
    TraceWindow window;
    const pid_t pid = start([] {
        const uint64_t end = boot_now_ns() + 1'000'000;
        while (boot_now_ns() < end) {
        }
        return 5;
    });
    wait_for(pid);
    const Trace trace = window.end();
    trace.only("fork", pid);
    const Event exit = trace.only("exit", pid);
    EXPECT_EQ(exit.number("exit_code"), 5);
    EXPECT_GE(exit.number("lifetime_ns"), 1'000'000);
}

TEST(Lifecycle, ManyQuickProcessesAreAllReported) {
    const int count = scaled(2'000);
    TraceRun run(own_tree());
    std::map<int64_t, std::vector<int64_t>> codes;  // by pid, which may be reused
    for (int i = 0; i < count; i++) {
        const int code = i % 251;
        const pid_t pid = start([&] { return code; });
        wait_for(pid);
        codes[pid].push_back(code);
    }
    const Trace trace = run.end();
    std::map<int64_t, std::vector<int64_t>> reported;
    for (const Event& exit : trace.of("exit")) {
        reported[exit.pid()].push_back(exit.number("exit_code"));
    }
    EXPECT_TRUE(reported == codes);
    EXPECT_EQ(trace.of("fork").size(), static_cast<size_t>(count));
    EXPECT_EQ(trace.of("exit").size(), static_cast<size_t>(count));
    EXPECT_EQ(trace.totals.at("exit").dropped, 0U);
}

TEST(Lifecycle, PidNamespaceHasTheNumbersOfTheInitialOne) {
    const Gate go;
    TraceWindow window;
    const pid_t middle = start([&] {
        if (::unshare(CLONE_NEWPID) != 0) {
            return 99;
        }
        // Its pid is 1 inside; the result is its pid outside.
        const pid_t inner = start([&] {
            go.pass();
            return ::getpid() == 1 ? 11 : 98;
        });
        go.open();
        const int code = wait_for(inner).code();
        return inner > 1 ? code : 97;
    });
    EXPECT_EQ(wait_for(middle).code(), 11);
    const Trace trace = window.end();
    int found = 0;
    for (const Event& exit : trace.of("exit")) {
        if (exit.number("ppid") == middle) {
            found++;
            EXPECT_EQ(exit.number("pidns_level"), 1);
            EXPECT_GT(exit.pid(), 1);
            EXPECT_EQ(exit.number("exit_code"), 11);
            EXPECT_EQ(trace.only("fork", static_cast<pid_t>(exit.pid())).number("pidns_level"), 1);
        }
    }
    EXPECT_EQ(found, 1);
    EXPECT_EQ(trace.only("exit", middle).number("pidns_level"), 0);
}

TEST(Lifecycle, CgroupIsReportedByItsId) {
    const std::string mount = cgroup_mount("");
    auto cgroup = Cgroup::make(mount);
    if (!cgroup) {
        GTEST_SKIP() << "no cgroup2 that can be written to";
    }
    TraceWindow window;
    const pid_t pid = start([&] {
        cgroup->enter();
        exec_self({"exit", "0"});
        return 0;
    });
    EXPECT_EQ(wait_for(pid).code(), 0);
    const Trace trace = window.end();
    const auto id = static_cast<int64_t>(cgroup->id());
    EXPECT_NE(trace.only("fork", pid).number("cgroup_id"), id);
    EXPECT_EQ(trace.only("exec", pid).number("cgroup_id"), id);
    EXPECT_EQ(trace.only("exit", pid).number("cgroup_id"), id);
}

}  // namespace
}  // namespace vigil::tests
