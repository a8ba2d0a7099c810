// SPDX-License-Identifier: Apache-2.0
// Without any privilege: only what /proc shows of this user's processes is used, and the rest is
// unknown.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "sockets.h"
#include "watch.h"

namespace vigil::tests {
namespace {

constexpr uint64_t ms = 1'000'000;

// The usage of a process can't be read if it is not dumpable, as with another user's: prctl(2),
// PR_SET_DUMPABLE.
void drop_to_nobody() {
    constexpr uid_t nobody = 65'534;
    require(::setresgid(nobody, nobody, nobody) == 0 && ::setresuid(nobody, nobody, nobody) == 0 &&
                ::prctl(PR_SET_DUMPABLE, 1) == 0,
            "becoming nobody");
}

std::string rules() {
    return with_clock(
        R"({"process": "vt-mine", "cpu": 1, "network": 0.001, "cooldown": "1ms"},
           {"process": "vt-min?", "memory": 40, "disk": 0.001})");
}

class WatchProc : public ::testing::Test {
 protected:
    WatchProc() : run(rules(), {"--interval", "100ms"}, {.before_exec = drop_to_nobody}) {
        run.program().wait_for_error("vigil: sampling /proc, which costs more: ");
    }
    WatchRun run;
};

TEST_F(WatchProc, CpuYesNetworkNo) {
    EXPECT_FALSE(run.traces()) << "traces without privileges";
    EXPECT_NE(run.program().errors().find("CAP_BPF"), std::string::npos)
        << "no reason: " << run.program().errors();
    Pair pair = tcp_pair(AF_INET);
    const Meter meter;
    MeasuredProcess burner(run, "vt-mine", [&] {
        drop_to_nobody();
        meter.mark_cpu();
        burn_thread_ns(500 * ms);
        meter.mark_cpu();
        send_bytes(pair.near, 100'000, 10'000);
        receive_bytes(pair.far, 100'000);
    });
    burner.begin();
    run.wait_for({burner.pid(), "raised", "cpu"});
    burner.wait_for_body();
    run.wait_for({burner.pid(), "cleared", "cpu"});
    run.wait_for_sweep();
    run.wait_for_sweep();
    // Usage below 1 % of an interval is no violation.
    const double burned = meter.growth() / 1e9;
    EXPECT_NEAR(used_in_all(run.all({burner.pid(), "", "cpu"})) / 100, burned,
                0.05 * burned + 0.04);
    EXPECT_TRUE(run.all({0, "", "network"}).empty());
    burner.kill();
    run.wait_for_sweep();
    run.end();
}

TEST_F(WatchProc, MemoryOfAProcessWhoseLeaderHasEnded) {
    const Gate touched;
    MeasuredProcess process(run, "vt-mine", [&] {
        drop_to_nobody();
        std::thread([&] {
            touch_mb(64);
            touched.open();
            ::pause();
        }).detach();
        ::usleep(500'000);
        ::syscall(SYS_exit, 0);
    });
    const pid_t pid = process.pid();
    process.begin();
    touched.pass();
    run.wait_for({pid, "raised", "memory"});
    wait_until([&] { return proc_file(pid, "status").find("State:\tZ") != std::string::npos; },
               "a leader that has ended");
    run.wait_for_sweep();
    for (const Event& event : run.all({pid, "cleared", "memory"})) {
        ADD_FAILURE() << "it has its memory still: " << event.line();
    }
    process.kill();
    run.wait_for_sweep();
    run.end();
}

}  // namespace
}  // namespace vigil::tests
