// SPDX-License-Identifier: Apache-2.0
// Resident memory reported by `vigil watch` against the page tables (/proc/PID/smaps_rollup).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>

#include "watch.h"

namespace vigil::tests {
namespace {

constexpr size_t mb = 1 << 20;
constexpr double page = 4096.0 / mb;

bool has_counters_per_cpu() {
    utsname names{};
    ::uname(&names);
    int major = 0;
    int minor = 0;
    std::sscanf(names.release, "%d.%d", &major, &minor);
    return major > 6 || (major == 6 && minor >= 2);
}

double resident_mb(pid_t pid) {
    return static_cast<double>(proc_value(pid, "smaps_rollup", "Rss")) / 1024;
}

// Before 6.2 the kernel's counters are inexact: each thread caches 64 faults, with up to 16 file
// pages each. Since then each CPU caches 64 pages, of each of file, anonymous and shared memory:
// the sweep adds them up, /proc does not.
double lag_mb(const WatchRun& run) {
    if (!has_counters_per_cpu()) {
        return 64 * 16 * page;
    }
    const bool exact = !run.samples_proc();
    return exact ? page
                 : page + 3 * 64 * page * static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
}

// A limit that a child of this process exceeds once it has touched more than `more_mb`: it starts
// with what this process has resident, except pages of files.
double limit_mb(double more_mb) { return resident_mb(::getpid()) + more_mb; }

std::string memory_rules(const std::string& name, double limit) {
    return report_all_rule(name + "*", "memory") + R"(, {"process": ")" + name +
           R"(", "memory": )" + std::to_string(limit) + "}";
}

void expect_resident(WatchRun& run, pid_t pid) {
    run.wait_for_sweep();
    const double reported = real(run.all({pid, "ongoing", "memory"}).back(), "value");
    EXPECT_NEAR(reported, resident_mb(pid), lag_mb(run));
}

TEST(WatchMemory, TouchedHeldAndFreed) {
    constexpr size_t size = 64 * mb;
    const double limit = limit_mb(30);
    WatchRun& run = shared_watch(memory_rules("vt-held", limit));
    const Gate touched;
    const Gate free_it;
    MeasuredProcess process(run, "vt-held", [&] {
        void* memory =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        std::memset(memory, 1, size);
        touched.open();
        free_it.pass();
        ::munmap(memory, size);
    });
    const pid_t pid = process.pid();
    expect_resident(run, pid);
    process.begin();
    const Event raised = run.wait_for({pid, "raised", "memory", "vt-held"});
    EXPECT_GT(real(raised, "value"), limit);
    touched.pass();
    expect_resident(run, pid);
    EXPECT_GE(resident_mb(pid), 64);
    free_it.open();
    process.wait_for_body();
    const Event cleared = run.wait_for({pid, "cleared", "memory", "vt-held"});
    EXPECT_FALSE(cleared.flag("exited"));
    EXPECT_GE(real(cleared, "peak"), 64 - lag_mb(run));
    EXPECT_NEAR(real(cleared, "value"), resident_mb(pid), lag_mb(run));
    expect_resident(run, pid);
}

TEST(WatchMemory, SharedMemoryAndFilesCount) {
    constexpr size_t size = 24 * mb;
    const TempDirectory directory;
    const std::string path = directory.path() + "/file";
    {
        const Fd file(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
        const std::string bytes(size, 'x');
        ASSERT_EQ(::write(file.get(), bytes.data(), size), static_cast<ssize_t>(size));
    }
    WatchRun& run = shared_watch(memory_rules("vt-shared", limit_mb(20)));
    MeasuredProcess process(run, "vt-shared", [&] {
        void* shared =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        std::memset(shared, 1, size);
        const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file.get(), 0);
    });
    process.begin();
    process.wait_for_body();
    run.wait_for({process.pid(), "raised", "memory", "vt-shared"});
    EXPECT_GE(resident_mb(process.pid()), 48);
    expect_resident(run, process.pid());
}

// The memory of the remaining process, not of its exited first thread.
TEST(WatchMemory, OfAProcessWhoseLeaderHasEnded) {
    WatchRun& run = shared_watch(memory_rules("vt-headless", limit_mb(30)));
    const Gate touched;
    MeasuredProcess process(run, "vt-headless", [&] {
        std::thread([&] {
            touch_mb(64);
            touched.open();
            ::pause();
        }).detach();
        ::syscall(SYS_exit, 0);
    });
    process.begin();
    touched.pass();
    run.wait_for({process.pid(), "raised", "memory", "vt-headless"});
    run.wait_for_sweep();
    const Event last = run.all({process.pid(), "", "memory", "vt-headless*"}).back();
    EXPECT_GE(real(last, "value"), 64 - lag_mb(run)) << last.line();
    EXPECT_TRUE(run.all({process.pid(), "cleared", "memory"}).empty());
}

TEST(WatchMemory, EachProcessByItself) {
    WatchRun& run = shared_watch(memory_rules("vt-each", 12));
    std::vector<std::unique_ptr<MeasuredProcess>> processes;
    for (size_t i = 0; i < 4; i++) {
        processes.push_back(
            std::make_unique<MeasuredProcess>(run, "vt-each", [i] { touch_mb(8 * i); }));
        processes.back()->begin();
    }
    for (const auto& process : processes) {
        process->wait_for_body();
    }
    for (const auto& process : processes) {
        expect_resident(run, process->pid());
        EXPECT_EQ(run.all({process->pid(), "raised", "memory", "vt-each"}).size(),
                  resident_mb(process->pid()) > 12 ? 1U : 0U);
    }
}

}  // namespace
}  // namespace vigil::tests
