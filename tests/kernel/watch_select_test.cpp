// SPDX-License-Identifier: Apache-2.0
// The processes that a rule selects: user, cgroup, patterns, and changes at run time.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "sockets.h"
#include "watch.h"

namespace vigil::tests {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t ms = 1'000'000;
constexpr uid_t nobody = 65'534;

std::string rule(const std::string& name, const std::string& more = "") {
    return R"({"process": ")" + name + R"(", "memory": 0.001)" + more + "}";
}

bool is_reported(WatchRun& run, pid_t pid, const std::string& name) {
    return !run.all({pid, "raised", "memory", name}).empty();
}

TEST(WatchSelect, User) {
    WatchRun& run = shared_watch(rule("vt-user", R"(, "user": "65534")") + "," +
                                 rule("vt-use?", R"(, "user": 0)") + "," +
                                 rule("vt-us??", R"(, "user": "nobody")"));
    const MeasuredProcess root(run, "vt-user", [] {});
    const MeasuredProcess other(
        run, "vt-user", [] { require(::setresuid(nobody, nobody, nobody) == 0, "setuid"); });
    other.begin();
    const Event event = run.wait_for({other.pid(), "raised", "memory", "vt-user"});
    EXPECT_EQ(event.number("uid"), static_cast<int64_t>(nobody));
    EXPECT_EQ(event.text("user"), "nobody");
    run.wait_for({other.pid(), "raised", "memory", "vt-us??"});
    // It belonged to root before.
    EXPECT_FALSE(run.wait_for({other.pid(), "cleared", "memory", "vt-use?"}).flag("exited"));
    EXPECT_TRUE(is_reported(run, root.pid(), "vt-use?"));
    EXPECT_FALSE(is_reported(run, root.pid(), "vt-user"));
    EXPECT_FALSE(is_reported(run, root.pid(), "vt-us??"));
}

TEST(WatchSelect, CgroupAndMoveIntoAnother) {
    const auto cgroup = Cgroup::make(cgroup_mount(""));
    if (!cgroup) {
        GTEST_SKIP() << "no cgroup v2 that can be written to";
    }
    const std::string name = fs::path(cgroup->path()).filename();
    WatchRun& run = shared_watch(rule("vt-cgroup", R"(, "cgroup": ")" + name + "\"") + "," +
                                 rule("vt-cgrou?", R"(, "cgroup": "/)" + name + "\"") + "," +
                                 rule("vt-cgro??", R"(, "cgroup": "vigil-*")") + "," +
                                 rule("vt-cgr???", R"(, "cgroup": "/other")"));
    MeasuredProcess inside(run, "vt-cgroup", [] {});
    const pid_t started_inside = start_sleeper([&] {
        cgroup->enter();
        set_own_name("vt-cgroup");
    });
    run.wait_for_sweep();
    EXPECT_TRUE(run.all({inside.pid()}).empty()) << "not yet";
    cgroup->write("cgroup.procs", std::to_string(inside.pid()));
    for (const pid_t pid : {started_inside, inside.pid()}) {
        for (const char* process : {"vt-cgroup", "vt-cgrou?", "vt-cgro??"}) {
            const Event event = run.wait_for({pid, "raised", "memory", process});
            EXPECT_NE(event.text("cgroup").find(name), std::string::npos) << event.line();
        }
        EXPECT_FALSE(is_reported(run, pid, "vt-cgr???"));
    }
    kill_and_wait(started_inside, SIGKILL);
}

TEST(WatchSelect, EveryRuleForEveryProcess) {
    WatchRun& run = shared_watch(rule("vt-all") + "," + rule("vt-[ab]*") + "," + rule("vt-?ll") +
                                 "," + rule("VT-ALL") + "," + rule("t-all"));
    const MeasuredProcess first(run, "vt-all", [] {});
    const MeasuredProcess second(run, "vt-all", [] {});
    for (const pid_t pid : {first.pid(), second.pid()}) {
        for (const char* name : {"vt-all", "vt-[ab]*", "vt-?ll"}) {
            run.wait_for({pid, "raised", "memory", name});
            EXPECT_EQ(run.all({pid, "", "", name}).size(), 1U);
        }
        EXPECT_FALSE(is_reported(run, pid, "VT-ALL"));
        EXPECT_FALSE(is_reported(run, pid, "t-all"));
    }
}

// Its usage before the start of vigil does not count.
TEST(WatchSelect, OlderThanTheWatcher) {
    Pair pair = tcp_pair(AF_INET);
    const TempDirectory directory;
    const Gate ready;
    const pid_t pid = start([&] {
        ::alarm(120);
        set_own_name("vt-old");
        burn_thread_ns(1'000 * ms);
        send_bytes(pair.near, 100'000, 10'000);
        receive_bytes(pair.far, 100'000);
        ready.open();
        while (true) {
            ::pause();
        }
        return 0;
    });
    ready.pass();
    WatchRun run(with_clock(R"({"process": "vt-old", "cpu": 50, "disk": 0.001, "network": 0.001},
                          {"process": "vt-ol?", "memory": 0.001})"),
                 {"--interval", "100ms"});
    run.wait_for({pid, "raised", "memory"});
    run.wait_for_sweep();
    kill_and_wait(pid, SIGKILL);
    EXPECT_TRUE(run.wait_for({pid, "cleared", "memory"}).flag("exited"));
    run.wait_for_sweep();
    for (const Event& event : run.all({pid, "", "", "vt-old"})) {
        ADD_FAILURE() << event.line();
    }
    run.end();
}

TEST(WatchSelect, NewProgramAndNewName) {
    WatchRun& run = shared_watch(rule("vt-before") + "," + rule("vt-between") + "," +
                                 rule("vt-after-the-exec"));
    const TempDirectory directory;
    const std::string path = directory.path() + "/vt-after-the-exec";
    fs::copy_file(self_path(), path);
    const Gate hold;
    MeasuredProcess process(run, "vt-before", [&] {
        set_own_name("vt-between");
        hold.pass();
        int ends[2];
        require(::pipe(ends) == 0 && ::dup2(ends[0], STDIN_FILENO) == 0, "pipe");
        exec_self({"read"}, path);
    });
    const pid_t pid = process.pid();
    run.wait_for({pid, "raised", "memory", "vt-before"});
    process.begin();
    EXPECT_FALSE(run.wait_for({pid, "cleared", "memory", "vt-before"}).flag("exited"));
    run.wait_for({pid, "raised", "memory", "vt-between"});
    hold.open();
    EXPECT_FALSE(run.wait_for({pid, "cleared", "memory", "vt-between"}).flag("exited"));
    const Event after = run.wait_for({pid, "raised", "memory", "vt-after-the-exec"});
    EXPECT_EQ(after.text("executable"), path);
    process.kill();
    EXPECT_TRUE(run.wait_for({pid, "cleared", "memory", "vt-after-the-exec"}).flag("exited"));
}

}  // namespace
}  // namespace vigil::tests
