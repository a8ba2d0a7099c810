// SPDX-License-Identifier: Apache-2.0
// The final usage of a process against wait4 and /proc. The exit hook runs slightly before the end
// of the process: its CPU time is low by up to one tick per thread plus the teardown.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "harness.h"
#include "processes.h"

namespace vigil::tests {
namespace {

constexpr int64_t mb = 1 << 20;
constexpr int64_t ms = 1'000'000;
constexpr int64_t tick = 10 * ms;  // of the coarsest common kernel, HZ=100
// Memory counters are per CPU and lag behind by up to 64 pages each.
constexpr int64_t lag_bytes = 3 * mb;

void expect_cpu(const Event& exit, const ExitResult& ended, int64_t burned_ns, int threads) {
    const int64_t reported = exit.number("cpu_ns");
    EXPECT_GE(reported, burned_ns - threads * tick);
    EXPECT_LE(reported, static_cast<int64_t>(cpu_ns(ended.usage)) + ms);
    EXPECT_EQ(exit.number("cpu_user_ns") + exit.number("cpu_system_ns"), reported);
}

void expect_peak_of(const Event& exit, const ExitResult& ended) {
    const int64_t reported = exit.number("peak_rss_bytes");
    const int64_t waited = ended.usage.ru_maxrss * 1024;
    EXPECT_GE(reported, waited - lag_bytes);
    EXPECT_LE(reported, waited + lag_bytes);
}

TEST(Accounting, CpuOfABurner) {
    TraceWindow window;
    const pid_t pid = start([] {
        burn_thread_ns(200 * ms);
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    const Event exit = window.end().only("exit", pid);
    expect_cpu(exit, ended, 200 * ms, 1);
    EXPECT_GT(exit.number("cpu_user_ns"), exit.number("cpu_system_ns"));
}

TEST(Accounting, CpuInTheKernel) {
    TraceWindow window;
    const pid_t pid = start([] {
        const Fd zero(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
        std::vector<char> space(4 << 20);
        rusage usage{};
        while (cpu_ns(usage) < 200 * ms) {
            (void)!::read(zero.get(), space.data(), space.size());
            ::getrusage(RUSAGE_SELF, &usage);
        }
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    const Event exit = window.end().only("exit", pid);
    expect_cpu(exit, ended, 200 * ms, 1);
    EXPECT_GT(exit.number("cpu_system_ns"), exit.number("cpu_user_ns"));
}

int burn_in_threads(int count, bool leave_them) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; i++) {
        threads.emplace_back([leave_them] {
            burn_thread_ns(100 * ms);
            while (leave_them) {
                ::pause();
            }
        });
    }
    if (leave_them) {
        rusage usage{};
        while (cpu_ns(usage) < static_cast<uint64_t>(count) * 100 * ms) {
            ::usleep(1'000);
            ::getrusage(RUSAGE_SELF, &usage);
        }
        ::_exit(0);
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    return 0;
}

TEST(Accounting, CpuOfThreadsThatHaveEnded) {
    TraceWindow window;
    const pid_t pid = start([] { return burn_in_threads(4, false); });
    const ExitResult ended = wait_for(pid);
    const Event exit = window.end().only("exit", pid);
    expect_cpu(exit, ended, 400 * ms, 5);
    EXPECT_EQ(exit.number("threads"), 5);
    EXPECT_FALSE(exit.flag("bill_partial"));
}

TEST(Accounting, CpuOfThreadsThatRunUntilTheEnd) {
    TraceWindow window;
    const pid_t pid = start([] { return burn_in_threads(4, true); });
    const ExitResult ended = wait_for(pid);
    const Event exit = window.end().only("exit", pid);
    expect_cpu(exit, ended, 400 * ms, 5);
    EXPECT_EQ(exit.number("threads"), 5);
}

TEST(Accounting, PeakOfAChildThatTouchesMemory) {
    TraceWindow window;
    const pid_t pid = start([] {
        touch_mb(64);
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    const Event exit = window.end().only("exit", pid);
    EXPECT_GE(exit.number("peak_rss_bytes"), 64 * mb - lag_bytes);
    expect_peak_of(exit, ended);
    EXPECT_FALSE(exit.flag("peak_rss_at_most"));
}

TEST(Accounting, PeakOfAProgramThatGrowsAfterExec) {
    ::malloc_trim(0);  // the baseline is this process, which must be smaller
    TraceWindow window;
    const pid_t pid = start([] {
        exec_self({"touch", "64"});
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    const Event exit = window.end().only("exit", pid);
    EXPECT_GE(exit.number("peak_rss_bytes"), 64 * mb - lag_bytes);
    expect_peak_of(exit, ended);
    EXPECT_FALSE(exit.flag("peak_rss_at_most"));
}

// The kernel's own value survives exec: wait4 reports the large program's peak for the small one.
TEST(Accounting, PeakIsNotThatOfTheProgramBeforeExec) {
    constexpr int64_t large = 300 * mb;
    TraceWindow window;
    int report[2];
    ASSERT_EQ(::pipe(report), 0);
    const pid_t parent = start([&] {
        touch_mb(large / mb);
        const pid_t forked = start([] {
            exec("/bin/true", {"true"});
            return 0;
        });
        pid_t spawned = -1;
        const char* argv[] = {"true", nullptr};
        ::posix_spawn(&spawned, "/bin/true", nullptr, nullptr, const_cast<char**>(argv), environ);
        const pid_t pids[] = {forked, spawned};
        (void)!::write(report[1], pids, sizeof pids);
        return wait_for(forked).code() + wait_for(spawned).code();
    });
    pid_t pids[2]{};
    ASSERT_EQ(::read(report[0], pids, sizeof pids), static_cast<ssize_t>(sizeof pids));
    EXPECT_EQ(wait_for(parent).code(), 0);
    const Trace trace = window.end();
    EXPECT_GE(trace.only("exit", parent).number("peak_rss_bytes"), large - lag_bytes);
    for (const pid_t pid : pids) {
        const Event exit = trace.only("exit", pid);
        const bool honest =
            exit.flag("peak_rss_at_most") ||
            (!exit.is_null("peak_rss_bytes") && exit.number("peak_rss_bytes") < large / 4);
        EXPECT_TRUE(honest) << exit.line();
        if (!exit.is_null("peak_rss_bytes")) {
            EXPECT_GT(exit.number("peak_rss_bytes"), 0) << "unknown is not zero";
        }
    }
}

TEST(Accounting, BytesOfStorage) {
    const std::string disk = disk_directory();
    if (disk.empty()) {
        GTEST_SKIP() << "no file system here takes O_DIRECT";
    }
    const TempDirectory directory(disk);
    const std::string path = directory.path() + "/file";
    constexpr size_t size = 4 << 20;
    int report[2];
    ASSERT_EQ(::pipe(report), 0);
    TraceWindow window;
    const pid_t pid = start([&] {
        const Fd file(::open(path.c_str(), O_CREAT | O_RDWR | O_DIRECT | O_CLOEXEC, 0600));
        void* block = std::aligned_alloc(4096, size);
        for (int i = 0; i < 2; i++) {
            if (::pwrite(file.get(), block, size, 0) != static_cast<ssize_t>(size)) {
                return 99;
            }
        }
        if (::pread(file.get(), block, size, 0) != static_cast<ssize_t>(size)) {
            return 98;
        }
        const uint64_t counted[] = {proc_value(::getpid(), "io", "read_bytes"),
                                    proc_value(::getpid(), "io", "write_bytes")};
        (void)!::write(report[1], counted, sizeof counted);
        return 0;
    });
    uint64_t counted[2]{};
    ASSERT_EQ(::read(report[0], counted, sizeof counted), static_cast<ssize_t>(sizeof counted));
    ASSERT_EQ(wait_for(pid).code(), 0);
    const Event exit = window.end().only("exit", pid);
    ASSERT_GE(counted[0], size) << "/proc does not see the read: is " << disk << " a disk?";
    ASSERT_GE(counted[1], 2 * size);
    EXPECT_EQ(exit.number("read_bytes"), static_cast<int64_t>(counted[0]));
    EXPECT_EQ(exit.number("write_bytes"), static_cast<int64_t>(counted[1]));
}

TEST(Accounting, SwitchesAndFaults) {
    TraceWindow window;
    const pid_t pid = start([] {
        for (int i = 0; i < 50; i++) {
            ::usleep(500);
        }
        touch_mb(8);
        burn_thread_ns(50 * ms);
        return 0;
    });
    const ExitResult ended = wait_for(pid);
    const Event exit = window.end().only("exit", pid);
    const rusage& usage = ended.usage;
    EXPECT_GE(exit.number("voluntary_switches"), 25);  // a sleep may be over before it begins
    // After the hook the process can still wait for a lock or be preempted.
    EXPECT_LE(exit.number("voluntary_switches"), usage.ru_nvcsw);
    EXPECT_GE(exit.number("voluntary_switches"), usage.ru_nvcsw - 5);
    EXPECT_LE(exit.number("involuntary_switches"), usage.ru_nivcsw);
    EXPECT_GE(exit.number("involuntary_switches"), usage.ru_nivcsw - 10);
    EXPECT_LE(exit.number("minor_faults"), usage.ru_minflt);
    EXPECT_GE(exit.number("minor_faults"), usage.ru_minflt - 2);
    EXPECT_GE(exit.number("minor_faults"), 8);
    EXPECT_EQ(exit.number("major_faults"), usage.ru_majflt);
}

TEST(Accounting, MajorFaultsOfAFileThatIsNotInMemory) {
    const std::string disk = disk_directory();
    if (disk.empty()) {
        GTEST_SKIP() << "no file system here is on a disk";
    }
    const TempDirectory directory(disk);
    const std::string path = directory.path() + "/file";
    {
        const Fd file(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
        const std::string bytes(1 << 20, 'x');
        ASSERT_EQ(::write(file.get(), bytes.data(), bytes.size()), 1 << 20);
        ::fsync(file.get());
        ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    }
    TraceWindow window;
    const pid_t pid = start([&] {
        const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        const Mapping mapping(::mmap(nullptr, 1 << 20, PROT_READ, MAP_PRIVATE, file.get(), 0),
                              1 << 20);
        ::madvise(mapping.as<void>(), 1 << 20, MADV_RANDOM);
        return *mapping.as<volatile char>() == 'x' ? 0 : 1;
    });
    const ExitResult ended = wait_for(pid);
    const Event exit = window.end().only("exit", pid);
    EXPECT_EQ(exit.number("major_faults"), ended.usage.ru_majflt);
    EXPECT_GE(exit.number("major_faults"), 1);
}

TEST(Accounting, ProcessThatNeverRan) {
    TraceWindow window;
    const pid_t pid = start([] {
        while (true) {
            ::pause();
        }
        return 0;
    });
    const ExitResult ended = kill_and_wait(pid, SIGKILL);
    const Event exit = window.end().only("exit", pid);
    EXPECT_EQ(exit.text("exit_signal"), "SIGKILL");
    EXPECT_LE(exit.number("cpu_ns"), static_cast<int64_t>(cpu_ns(ended.usage)) + tick);
    if (!exit.is_null("peak_rss_bytes")) {
        EXPECT_GT(exit.number("peak_rss_bytes"), 0) << "unknown is not zero";
    }
}

}  // namespace
}  // namespace vigil::tests
