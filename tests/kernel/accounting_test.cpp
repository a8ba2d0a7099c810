// SPDX-License-Identifier: Apache-2.0
// The final usage of a process against wait4 and /proc. The exit hook runs before the
// process has exited completely: its CPU time is low by what the teardown takes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
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

// Less than a tick each: what the scheduler has not accounted yet is most of it.
TEST(Accounting, CpuOfManyShortProcesses) {
    const int count = scaled(100);
    std::map<pid_t, int64_t> waited;
    TraceRun run(own_tree());
    for (int i = 0; i < count; i++) {
        const pid_t pid = start([] {
            exec_self({"burn", "3000000"});
            return 0;
        });
        waited[pid] = static_cast<int64_t>(cpu_ns(wait_for(pid).usage));
    }
    const Trace trace = run.end();
    int64_t reported_sum = 0;
    int64_t waited_sum = 0;
    int64_t largest_lack = 0;
    for (const auto& [pid, waited_ns] : waited) {
        const int64_t reported = trace.only("exit", pid).number("cpu_ns");
        EXPECT_GE(reported, 3 * ms) << pid;
        EXPECT_LE(reported, waited_ns + ms / 50) << pid;
        reported_sum += reported;
        waited_sum += waited_ns;
        largest_lack = std::max(largest_lack, waited_ns - reported);
    }
    RecordProperty("reported_us", std::to_string(reported_sum / 1'000));
    RecordProperty("waited_us", std::to_string(waited_sum / 1'000));
    RecordProperty("largest_lack_us", std::to_string(largest_lack / 1'000));
    EXPECT_GE(reported_sum, waited_sum * 9 / 10);
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
    wait_for(pid);
    const Event exit = window.end().only("exit", pid);
    // The memory that it has from this process is not counted.
    EXPECT_NEAR(static_cast<double>(exit.number("peak_rss_bytes")), 64 * mb, 2 * lag_bytes);
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

// A child that never runs a program has at first no memory but its parent's.
TEST(Accounting, PeakOfAChildIsWithoutItsParentsMemory) {
    constexpr size_t large_mb = 200;
    TraceWindow window;
    int report[2];
    ASSERT_EQ(::pipe(report), 0);
    const pid_t parent = start([&] {
        touch_mb(large_mb);
        pid_t spawned = -1;
        const char* argv[] = {"missing", nullptr};
        const pid_t borrowed = ::vfork();
        if (borrowed == 0) {
            ::_exit(127);
        }
        (void)::posix_spawn(&spawned, "/no/such/program", nullptr, nullptr,
                            const_cast<char**>(argv), environ);
        const pid_t copied = start([] { return 0; });
        const pid_t grown = start([] {
            touch_mb(32);
            return 0;
        });
        const pid_t pids[] = {borrowed, copied, grown};
        (void)!::write(report[1], pids, sizeof pids);
        wait_for(borrowed);
        return wait_for(copied).code() + wait_for(grown).code();
    });
    pid_t pids[3]{};
    ASSERT_EQ(::read(report[0], pids, sizeof pids), static_cast<ssize_t>(sizeof pids));
    EXPECT_EQ(wait_for(parent).code(), 0);
    const Trace trace = window.end();
    EXPECT_TRUE(trace.only("exit", pids[0]).is_null("peak_rss_bytes"));
    const Event copied = trace.only("exit", pids[1]);
    EXPECT_TRUE(copied.is_null("peak_rss_bytes") ||
                copied.number("peak_rss_bytes") <= 2 * lag_bytes)
        << copied.line();
    EXPECT_NEAR(static_cast<double>(trace.only("exit", pids[2]).number("peak_rss_bytes")), 32 * mb,
                2 * lag_bytes);
    for (const Event& exit : trace.of("exit")) {
        if (exit.number("ppid") == parent && !exit.is_null("peak_rss_bytes")) {
            EXPECT_LT(exit.number("peak_rss_bytes"), 40 * mb) << exit.line();
        }
    }
}

TEST(Accounting, PeakHasHugePages) {
    const auto pages = HugePages::reserve(32);
    if (!pages) {
        GTEST_SKIP() << "no huge pages here";
    }
    TraceWindow window;
    const pid_t pid = start([] {
        exec_self({"huge", "32"});
        return 0;
    });
    ASSERT_EQ(wait_for(pid).code(), 0);
    const Event exit = window.end().only("exit", pid);
    utsname names{};
    ::uname(&names);
    int major = 0;
    int minor = 0;
    std::sscanf(names.release, "%d.%d", &major, &minor);
    if (std::pair(major, minor) < std::pair(6, 18)) {
        GTEST_SKIP() << "memory is gone at the exit event of this kernel: samples see huge pages";
    }
    EXPECT_NEAR(static_cast<double>(exit.number("peak_rss_bytes")), 40 * mb, 8 * mb);
}

TEST(Accounting, BytesThatWereCancelledAreNotWritten) {
    const std::string disk = disk_directory();
    if (disk.empty()) {
        GTEST_SKIP() << "no file system here is on a disk";
    }
    const TempDirectory directory(disk);
    TraceWindow window;
    const pid_t pid = start([&] {
        const std::string path = directory.path() + "/file";
        const std::string bytes(8 << 20, 'x');
        for (int i = 0; i < 4; i++) {
            const Fd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
            if (::write(file.get(), bytes.data(), bytes.size()) !=
                static_cast<ssize_t>(bytes.size())) {
                return 99;
            }
            ::unlink(path.c_str());
        }
        return static_cast<int>(proc_value(::getpid(), "io", "cancelled_write_bytes") >> 20);
    });
    const int cancelled_mb = wait_for(pid).code();
    const Event exit = window.end().only("exit", pid);
    if (cancelled_mb == 0) {
        GTEST_SKIP() << "nothing was cancelled: is " << disk << " a disk?";
    }
    EXPECT_LE(exit.number("write_bytes"), (32 - cancelled_mb + 1) * mb) << exit.line();
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
