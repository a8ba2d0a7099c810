// SPDX-License-Identifier: Apache-2.0
// Thousands of processes and threads: none is omitted, and none is reported twice.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "sockets.h"
#include "watch.h"

namespace vigil::tests {
namespace {

constexpr uint64_t ms = 1'000'000;

// A process with that many sleeping children, which end with it.
class IdleProcesses {
 public:
    IdleProcesses(const std::string& name, size_t count) {
        int pipe[2];
        require(::pipe(pipe) == 0, "pipe");
        pid_ = start([&] {
            for (size_t i = 0; i < count; i++) {
                const pid_t child = ::fork();
                if (child == 0) {
                    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                    set_own_name(name);
                    const pid_t self = ::getpid();
                    (void)!::write(pipe[1], &self, sizeof self);
                    while (true) {
                        ::pause();
                    }
                }
                require(child > 0, "fork");
            }
            while (true) {
                ::pause();
            }
            return 0;
        });
        ::close(pipe[1]);
        pid_t child = 0;
        while (pids.size() < count && ::read(pipe[0], &child, sizeof child) > 0) {
            pids.push_back(child);
        }
        ::close(pipe[0]);
    }
    IdleProcesses(const IdleProcesses&) = delete;
    IdleProcesses& operator=(const IdleProcesses&) = delete;
    ~IdleProcesses() {
        kill_and_wait(pid_, SIGKILL);
        for (const pid_t pid : pids) {
            wait_until([&] { return ::kill(pid, 0) != 0; }, "the end of a crowd");
        }
    }

    std::vector<pid_t> pids;

 private:
    pid_t pid_;
};

// All exceed the limit in the same sweep, and exit in the same one.
TEST(WatchLoad, EveryProcessIsReportedOnce) {
    const auto count = static_cast<size_t>(scaled(10'000));
    shared_watch("");
    std::optional<IdleProcesses> idle(std::in_place, "vt-crowd", count);
    ASSERT_EQ(idle->pids.size(), count);
    WatchRun& run = shared_watch(R"({"process": "vt-crowd", "memory": 0.001, "cooldown": "1h"},)" +
                                 report_all_rule("vt-lonely", "cpu"));
    MeasuredProcess burner(run, "vt-lonely", [] { burn_thread_ns(300 * ms); });
    burner.begin();
    run.wait_for({burner.pid(), "raised", "cpu"});
    run.wait_for_sweep();
    std::map<int64_t, int> reported;
    for (const Event& event : run.all({0, "raised", "memory", "vt-crowd"})) {
        reported[event.pid()]++;
    }
    EXPECT_EQ(reported.size(), count);
    const auto missing = std::count_if(idle->pids.begin(), idle->pids.end(),
                                       [&](pid_t pid) { return reported[pid] != 1; });
    EXPECT_EQ(missing, 0) << "processes were reported never, or twice";
    idle.reset();
    run.wait_for_sweep();
    run.wait_for_sweep();
    EXPECT_EQ(run.all({0, "cleared", "memory", "vt-crowd"}).size(), count);
    for (const Event& event : run.all({0, "raised", "memory", "vt-crowd"})) {
        EXPECT_FALSE(event.flag("exited")) << "reported again: " << event.line();
    }
}

TEST(WatchLoad, ThousandsOfThreads) {
    constexpr int processes = 10;
    const int threads = scaled(1'000);
    WatchRun& run = shared_watch(report_all_rule("vt-threads", "cpu"));
    std::vector<std::unique_ptr<MeasuredProcess>> threaded;
    std::vector<Meter> meters(processes);
    for (int i = 0; i < processes; i++) {
        const Meter& meter = meters[static_cast<size_t>(i)];
        threaded.push_back(std::make_unique<MeasuredProcess>(run, "vt-threads", [&] {
            meter.mark_cpu();
            for (int j = 0; j < threads; j++) {
                std::thread([] { ::pause(); }).detach();
            }
            burn_thread_ns(100 * ms);
            meter.mark_cpu();
        }));
        threaded.back()->begin();
    }
    for (const auto& process : threaded) {
        process->wait_for_body();
    }
    run.wait_for_sweep();
    run.wait_for_sweep();
    for (size_t i = 0; i < processes; i++) {
        const double measured = meters[i].growth() / 1e9;
        const double reported = used_in_all(run.all({threaded[i]->pid(), "", "cpu"})) / 100;
        // After the last mark the threads run a little longer, until they sleep.
        EXPECT_NEAR(reported, measured, 0.1 * measured + 0.02);
    }
}

}  // namespace
}  // namespace vigil::tests
