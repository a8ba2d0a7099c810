// SPDX-License-Identifier: Apache-2.0
// Processes with many threads: whichever thread exits last and however, one exit event with the
// right status.
#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <map>
#include <thread>
#include <vector>

#include "harness.h"
#include "processes.h"

namespace vigil::tests {
namespace {

constexpr int thread_count = 8;

// The end of pthread_exit(3), without unwinding the stack.
[[noreturn]] void leave_thread(int code) {
    while (true) {
        ::syscall(SYS_exit, code);
    }
}

[[noreturn]] void leave_process(int code) {
    while (true) {
        ::syscall(SYS_exit_group, code);
    }
}

// Runs `body(i)` in 7 threads and `leader()` in the first, all at the same time.
template <class Body, class Leader>
int race(Body body, Leader leader) {
    pthread_barrier_t barrier;
    ::pthread_barrier_init(&barrier, nullptr, thread_count);
    std::vector<std::thread> threads;
    for (int i = 1; i < thread_count; i++) {
        threads.emplace_back([&barrier, body, i] {
            ::pthread_barrier_wait(&barrier);
            body(i);
        });
    }
    ::pthread_barrier_wait(&barrier);
    leader();
    return 0;
}

// For each of many such processes: exactly one exit event, with the status of wait4.
void expect_one_exit_each(const std::function<int()>& process) {
    const int count = scaled(1'000);
    // Not by --tree: a process leaves the tree with its first exit, which would hide a second one.
    TraceRun run({"-e", "exit"});
    std::map<int64_t, std::vector<int64_t>> expected;  // by pid, which may be reused
    for (int i = 0; i < count; i++) {
        const pid_t pid = start(process);
        expected[pid].push_back(wait_for(pid).code());
    }
    const Trace trace = run.end();
    std::map<int64_t, std::vector<int64_t>> reported;
    int wrong_threads = 0;
    int exits = 0;
    for (const Event& exit : trace.of("exit")) {
        if (exit.number("ppid") != ::getpid()) {
            continue;
        }
        exits++;
        reported[exit.pid()].push_back(exit.number("exit_code"));
        wrong_threads += exit.number("threads") == thread_count ? 0 : 1;
    }
    EXPECT_EQ(exits, count);
    int wrong = 0;
    for (const auto& [pid, statuses] : expected) {
        if (reported[pid] != statuses && wrong++ < 5) {
            ADD_FAILURE() << "pid " << pid << " ended with " << ::testing::PrintToString(statuses)
                          << ", reported " << ::testing::PrintToString(reported[pid]);
        }
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(wrong_threads, 0) << "exits with another number of threads than " << thread_count;
}

TEST(Threads, AllRaceToEndTheProcess) {
    expect_one_exit_each(
        [] { return race([](int i) { leave_process(i); }, [] { leave_process(100); }); });
}

TEST(Threads, AllLeaveAloneAndTheLeadersCodeCounts) {
    expect_one_exit_each(
        [] { return race([](int i) { leave_thread(i); }, [] { leave_thread(100); }); });
}

TEST(Threads, LeaderLeavesFirstAndAnotherEndsTheProcess) {
    expect_one_exit_each([] {
        return race(
            [](int i) {
                if (i == 1) {
                    while (proc_file(::getpid(), "stat").find(") Z ") == std::string::npos) {
                    }
                    leave_process(7);
                }
                leave_thread(i);
            },
            [] { leave_thread(100); });
    });
}

TEST(Threads, LeaderLeavesAndTheRestRace) {
    expect_one_exit_each([] {
        return race(
            [](int i) {
                if (i % 2 == 0) {
                    leave_process(7);
                }
                leave_thread(i);
            },
            [] { leave_thread(100); });
    });
}

TEST(Threads, AKillEndsThemAllOnce) {
    TraceWindow window;
    const pid_t pid = start_sleeper([] {
        for (int i = 1; i < thread_count; i++) {
            std::thread([] {
                while (true) {
                    ::pause();
                }
            }).detach();
        }
    });
    kill_and_wait(pid, SIGKILL);
    const Event exit = window.end().only("exit", pid);
    EXPECT_EQ(exit.text("exit_signal"), "SIGKILL");
    EXPECT_EQ(exit.number("threads"), thread_count);
}

TEST(Threads, ExecFromAnotherThanTheLeader) {
    const int count = scaled(100);
    TraceRun run;
    std::map<pid_t, ExitResult> ended;
    for (int i = 0; i < count; i++) {
        const pid_t pid = start([] {
            return race(
                [](int number) {
                    if (number == 1) {
                        exec_self({"exit", "6"});
                    }
                    while (true) {
                        ::pause();
                    }
                },
                [] {
                    while (true) {
                        ::pause();
                    }
                });
        });
        ended[pid] = wait_for(pid);
    }
    const Trace trace = run.end();
    for (const auto& [pid, end] : ended) {
        ASSERT_EQ(end.code(), 6);
        const Event exec = trace.only("exec", pid);
        EXPECT_EQ(exec.number("tid"), pid);
        EXPECT_NE(exec.number("old_tid"), pid);
        EXPECT_GT(exec.number("old_tid"), 0);
        const Event exit = trace.only("exit", pid);
        EXPECT_EQ(exit.number("exit_code"), 6);
        EXPECT_EQ(exit.number("threads"), 1) << "since its exec";
    }
}

TEST(Threads, CountIsOfAllSinceTheExec) {
    TraceWindow window;
    const pid_t pid = start([] {
        for (int i = 0; i < 3; i++) {
            std::thread([] {}).join();
        }
        exec_self({"threads", "12"});
        return 0;
    });
    EXPECT_EQ(wait_for(pid).code(), 0);
    EXPECT_EQ(window.end().only("exit", pid).number("threads"), 13);
}

// Threads that the kernel creates for a process (here io_uring's poller) count.
TEST(Threads, ThoseOfTheKernelCount) {
    TraceWindow window;
    const pid_t pid = start([] {
        io_uring_params params{};
        params.flags = IORING_SETUP_SQPOLL;
        return ::syscall(SYS_io_uring_setup, 4, &params) >= 0 ? 0 : 3;
    });
    const int code = wait_for(pid).code();
    const Event exit = window.end().only("exit", pid);
    if (code != 0) {
        GTEST_SKIP() << "no io_uring here";
    }
    // Before 5.12 they were threads of the kernel, and none of the process; 5.10.162 has 5.15's.
    EXPECT_EQ(exit.number("threads"), 2);
}

// 100 exiting threads are more than one walk of the kernel's list may cover: the event must be
// marked then.
TEST(Threads, UsageOfAHundredExitingThreadsIsWholeOrMarkedPartial) {
    constexpr int count = 100;
    TraceWindow window;
    const pid_t pid = start([] {
        for (int i = 0; i < count; i++) {
            std::thread([] {
                burn_thread_ns(2'000'000);
                while (true) {
                    ::pause();
                }
            }).detach();
        }
        rusage usage{};
        while (cpu_ns(usage) < count * uint64_t{2'000'000}) {
            ::usleep(1'000);
            ::getrusage(RUSAGE_SELF, &usage);
        }
        leave_process(0);
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    const Event exit = window.end().only("exit", pid);
    EXPECT_EQ(exit.number("threads"), count + 1);
    EXPECT_LE(exit.number("cpu_ns"), static_cast<int64_t>(cpu_ns(ended.usage)) + 1'000'000);
    if (!exit.flag("bill_partial")) {
        EXPECT_GE(exit.number("cpu_ns"), count * 2'000'000 * 9 / 10);
    }
}

}  // namespace
}  // namespace vigil::tests
