// SPDX-License-Identifier: Apache-2.0
// What a death record states about the time before: identity, ancestry, usage.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>

#include "processes.h"
#include "record_run.h"

namespace vigil::tests {
namespace {

// A program that was started in a directory, and ends when released.
class Stayer {
 public:
    explicit Stayer(const TempDirectory& directory) {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        const Fd read(ends[0]);
        write_ = Fd(ends[1]);
        pid_ = start([&] {
            ::dup2(read.get(), STDIN_FILENO);
            write_.reset();
            (void)!::chdir(directory.path().c_str());
            exec_self({"read", "0"});
            return 0;
        });
        wait_until([&] { return proc_file(pid_, "cmdline").find("read") != std::string::npos; },
                   "exec");
    }
    pid_t pid() const { return pid_; }
    void let_go() {
        write_.reset();
        wait_for(pid_);
    }

 private:
    Fd write_;
    pid_t pid_ = -1;
};

TEST(DeathLifetime, WhoItWasAndWhatItUsed) {
    const TempDirectory directory;
    RecordRun& deaths = RecordRun::shared();
    const std::string before = utc_now();
    const pid_t pid = start([&] {
        (void)!::chdir(directory.path().c_str());
        exec_self({"touch", "32"});
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    const Event death = deaths.of(pid);
    EXPECT_EQ(death.text("executable"), self_path());
    const Strings argv = death.strings("argv");
    ASSERT_GE(argv.size(), 2U);
    EXPECT_EQ(argv.back(), "32");
    EXPECT_EQ(death.text("user"), "root");
    EXPECT_GE(death.text("born"), before);
    EXPECT_LE(death.text("born"), death.text("time"));
    EXPECT_GT(death.number("peak_rss_bytes"), 32 << 20);
    EXPECT_NEAR(static_cast<double>(death.number("cpu_ns")),
                static_cast<double>(cpu_ns(ended.usage)), 30e6);
    EXPECT_EQ(death.numbers("ancestor_pids").front(), ::getpid());
    EXPECT_EQ(death.numbers("ancestor_pids").back(), 1);
    EXPECT_FALSE(death.flag("ancestry_cut"));
    if (!death.is_null("cwd")) {  // the process may have exited before the read
        EXPECT_EQ(death.text("cwd"), directory.path());
    }
}

TEST(DeathLifetime, WorkingDirectoryOfOneThatStays) {
    const TempDirectory directory;
    RecordRun& deaths = RecordRun::shared();
    Stayer stayer(directory);
    // Once a later process's death record is there, the exec has been applied.
    const pid_t later = start([] { return 0; });
    wait_for(later);
    deaths.of(later);
    stayer.let_go();
    EXPECT_EQ(deaths.of(stayer.pid()).text("cwd"), directory.path());
}

TEST(DeathLifetime, LoginUser) {
    if (!in_guest()) {
        GTEST_SKIP() << "who has logged in is set for ever: only where the machine is our own";
    }
    RecordRun& deaths = RecordRun::shared();
    const pid_t pid = start([] {
        std::ofstream("/proc/self/loginuid") << 65534 << std::flush;
        return 0;
    });
    wait_for(pid);
    const Event death = deaths.of(pid);
    if (death.is_null("login_uid")) {
        GTEST_SKIP() << "this kernel keeps no login user";
    }
    EXPECT_EQ(death.number("login_uid"), 65534);
    EXPECT_EQ(death.text("login_user"), "nobody");
    EXPECT_EQ(death.text("user"), "root");
}

// The ancestry is that of the fork, not of the adopting process.
TEST(DeathLifetime, ADaemonThatForksTwice) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    int report[2];
    ASSERT_EQ(::pipe(report), 0);
    RecordRun& deaths = RecordRun::shared();
    const pid_t first = start([&] {
        const pid_t second = start([&] {
            const pid_t daemon = start_sleeper();
            (void)!::write(report[1], &daemon, sizeof daemon);
            return 0;
        });
        return wait_for(second).code();
    });
    pid_t daemon = 0;
    ASSERT_EQ(::read(report[0], &daemon, sizeof daemon), static_cast<ssize_t>(sizeof daemon));
    wait_for(first);
    EXPECT_EQ(kill_and_wait(daemon, SIGTERM).signal(), SIGTERM);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    const Event death = deaths.of(daemon);
    const auto above = death.numbers("ancestor_pids");
    ASSERT_GE(above.size(), 3U);
    EXPECT_EQ(above[1], first);
    EXPECT_EQ(above[2], ::getpid());
    EXPECT_EQ(death.number("ppid"), ::getpid()) << "the subreaper";
}

// Each generation exits at once: the chain would grow without limit.
TEST(DeathLifetime, ADaemonThatForksForEver) {
    const int generations = scaled(5'000);
    int report[2];
    ASSERT_EQ(::pipe(report), 0);
    RecordRun deaths;
    const auto memory_kib = [&] { return proc_value(deaths.program().pid(), "status", "VmRSS"); };
    const uint64_t before_kib = memory_kib();
    const pid_t first = start([&] {
        for (int i = 0; i < generations; i++) {
            if (::fork() != 0) {
                ::_exit(0);
            }
        }
        const pid_t last = ::getpid();
        (void)!::write(report[1], &last, sizeof last);
        return 7;
    });
    wait_for(first);
    pid_t last = 0;
    ASSERT_EQ(::read(report[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
    const Event death = deaths.of(last);
    EXPECT_EQ(death.number("exit_code"), 7);
    EXPECT_EQ(death.numbers("ancestor_pids").size(), 32U);
    EXPECT_TRUE(death.flag("ancestry_cut"));
    EXPECT_LT(memory_kib(), before_kib + 16 * 1024) << "lines on their way to the disk";
    deaths.end();
}

TEST(DeathLifetime, OneThatIsOlderThanTheRecorder) {
    const TempDirectory directory;
    const Stayer stayer(directory);
    RecordRun deaths;
    EXPECT_EQ(kill_and_wait(stayer.pid(), SIGKILL).signal(), SIGKILL);
    const Event death = deaths.of(stayer.pid());
    EXPECT_EQ(death.text("executable"), self_path());
    EXPECT_EQ(death.strings("argv").back(), "0");
    EXPECT_EQ(death.text("cwd"), directory.path());
    EXPECT_EQ(death.number("killer_pid"), ::getpid());
    EXPECT_EQ(death.text("killer_executable"), self_path()) << "older too";
    EXPECT_EQ(death.numbers("ancestor_pids").front(), ::getpid());
    deaths.end();
}

// The process's own cgroup, also if it is removed with the process, and that of a process older
// than the recorder.
TEST(DeathLifetime, Cgroup) {
    const std::string mount = cgroup_mount("");
    auto own = Cgroup::make(mount);
    auto before = Cgroup::make(mount);
    if (!own || !before || own->id() <= 1) {
        GTEST_SKIP() << "no cgroup of version 2 can be made here";
    }
    const pid_t older = start_sleeper([&] { before->enter(); });
    RecordRun deaths;
    const pid_t pid = start([&] {
        own->enter();
        exec_self({"exit", "0"});
        return 1;
    });
    EXPECT_EQ(wait_for(pid).code(), 0);
    kill_and_wait(older, SIGKILL);
    const std::string older_path = before->path().substr(mount.size());
    before.reset();
    EXPECT_EQ(deaths.of(older).text("cgroup"), older_path);
    const Event death = deaths.of(pid);
    if (death.number("cgroup_id") > 1) {  // otherwise the paths are those of version 1
        EXPECT_EQ(death.number("cgroup_id"), static_cast<int64_t>(own->id()));
        EXPECT_EQ(death.text("cgroup"), own->path().substr(mount.size()));
    }
    deaths.end();
}

// Each exit has a death record, or is reported as lost.
TEST(DeathLifetime, ManyExits) {
    const int count = scaled(20'000);
    RecordRun deaths;
    const pid_t parent = start([&] {
        exec_self({"storm", std::to_string(count)});
        return 0;
    });
    EXPECT_EQ(wait_for(parent).code(), 0);
    deaths.of(parent);
    int64_t reported = 0;
    int64_t lost = 0;
    std::set<std::pair<int64_t, int64_t>> seen;
    for (const Event& event : deaths.end()) {
        if (event.kind() == "loss") {
            const bool of_exits = event.is_null("lost_kind") || event.text("lost_kind") == "exit" ||
                                  event.text("lost_kind") == "death";
            lost += of_exits ? event.number("count") : 0;
        } else if (event.kind() == "death" && event.number("ppid") == parent) {
            EXPECT_TRUE(seen.insert({event.pid(), event.number("start_ns")}).second)
                << event.line();
            EXPECT_EQ(event.text("executable"), self_path());
            reported++;
        }
    }
    EXPECT_LE(reported, count);
    EXPECT_GE(reported + lost, count);
    EXPECT_GE(reported, count / 2) << lost << " lost";
}

// With few pids, each is reused many times by different processes.
TEST(DeathLifetime, PidsAreReused) {
    if (!in_guest()) {
        GTEST_SKIP() << "only where the machine's pids are our own";
    }
    std::string before;
    std::ifstream("/proc/sys/kernel/pid_max") >> before;
    std::ofstream("/proc/sys/kernel/pid_max") << 450 << std::flush;
    RecordRun deaths;
    const int count = 1'200;
    std::vector<std::pair<pid_t, int>> children;
    for (int i = 0; i < count; i++) {
        const pid_t pid = start([i] { return i % 250; });
        children.emplace_back(pid, wait_for(pid).code());
    }
    std::ofstream("/proc/sys/kernel/pid_max") << before << std::flush;
    deaths.of(children.back().first);
    std::vector<std::pair<pid_t, int>> reported;
    std::set<pid_t> pids;
    for (const Event& event : deaths.end()) {
        if (event.kind() == "death" && event.number("ppid") == ::getpid()) {
            reported.emplace_back(event.pid(), event.number("exit_code"));
            pids.insert(static_cast<pid_t>(event.pid()));
            EXPECT_EQ(event.text("executable"), self_path());
        }
    }
    std::sort(reported.begin(), reported.end());
    std::sort(children.begin(), children.end());
    EXPECT_EQ(reported, children);
    EXPECT_LT(pids.size(), static_cast<size_t>(count)) << "no pid was used twice";
}

}  // namespace
}  // namespace vigil::tests
