// SPDX-License-Identifier: Apache-2.0
// /proc of this machine, compared with system calls.
#include "host/procfs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <filesystem>
#include <set>
#include <thread>

#include "base/fd.h"
#include "support/processes.h"

namespace vigil::host {
namespace {

namespace fs = std::filesystem;

using namespace std::string_literals;
using test::no_such_pid;
using test::Process;

const std::string shell = "/bin/sh";
const std::string wait_for_input = "echo; read x";

uint32_t self() { return static_cast<uint32_t>(::getpid()); }

uint64_t used_ticks() {
    tms used{};
    ::times(&used);
    return static_cast<uint64_t>(used.tms_utime) + static_cast<uint64_t>(used.tms_stime);
}

uint64_t boot_ticks() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) * 100 +
           static_cast<uint64_t>(now.tv_nsec) / 10'000'000;
}

struct Blocks {
    uint64_t read = 0;
    uint64_t written = 0;
};

// In units of 512 bytes. The kernel includes the usage of children that were waited for.
Blocks blocks_of_self() {
    Blocks blocks;
    for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage{};
        ::getrusage(who, &usage);
        blocks.read += static_cast<uint64_t>(usage.ru_inblock);
        blocks.written += static_cast<uint64_t>(usage.ru_oublock);
    }
    return blocks;
}

TEST(Procfs, StatOfThisProcess) {
    const uint64_t before = used_ticks();
    const auto stat = read_stat(self());
    const uint64_t after = used_ticks();
    ASSERT_TRUE(stat);
    char name[16] = {};
    ::prctl(PR_GET_NAME, name);
    EXPECT_EQ(stat->comm, name);
    EXPECT_EQ(stat->state, 'R');
    EXPECT_EQ(stat->ppid, static_cast<uint32_t>(::getppid()));
    EXPECT_GE(stat->cpu_ns, before * clock_tick_ns());
    EXPECT_LE(stat->cpu_ns, after * clock_tick_ns());
    EXPECT_FALSE(stat->is_zombie());
}

TEST(Procfs, StatCountsThreads) {
    const auto threads_here = [] {
        return static_cast<uint32_t>(std::distance(fs::directory_iterator("/proc/self/task"), {}));
    };
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const uint32_t before = threads_here();
    std::thread waits([&] {
        char byte = 0;
        (void)!::read(ends[0], &byte, 1);
    });
    EXPECT_EQ(read_stat(self())->threads, before + 1);
    ::close(ends[1]);
    waits.join();
    ::close(ends[0]);
}

TEST(Procfs, StatHasTheNameAndTheStartTime) {
    const uint64_t before = boot_ticks();
    const Process child([] { ::prctl(PR_SET_NAME, "a) R 1 (\n\xff"); });
    const uint64_t after = boot_ticks();
    const auto stat = read_stat(child.pid());
    ASSERT_TRUE(stat);
    EXPECT_EQ(stat->comm, "a) R 1 (\n\xff");
    EXPECT_EQ(stat->ppid, self());
    EXPECT_EQ(stat->threads, 1U);
    EXPECT_GE(stat->start_ns, before * clock_tick_ns());
    EXPECT_LE(stat->start_ns, after * clock_tick_ns());
}

TEST(Procfs, AProcessIsAZombieUntilItsParentWaits) {
    Process child;
    EXPECT_FALSE(read_stat(child.pid())->is_zombie());
    child.kill();
    const auto stat = read_stat(child.pid());
    ASSERT_TRUE(stat);
    EXPECT_TRUE(stat->is_zombie());
    EXPECT_EQ(read_rss_bytes(child.pid()), 0U);
    EXPECT_EQ(read_arguments(child.pid(), 100), "");
    EXPECT_EQ(read_executable(child.pid()), std::nullopt);
    const uint32_t pid = child.pid();
    child.end();
    EXPECT_FALSE(read_stat(pid));
}

TEST(Procfs, AProcessWithoutItsLeaderIsNotAZombie) {
    const Process child([] {
        ::signal(SIGUSR1, [](int) { ::syscall(SYS_exit, 0); });  // exits one thread only
        std::thread([] {
            while (true) {
                ::pause();
            }
        }).detach();
    });
    const auto pid = static_cast<pid_t>(child.pid());
    EXPECT_EQ(read_stat(child.pid())->threads, 2U);
    ASSERT_EQ(::syscall(SYS_tgkill, pid, pid, SIGUSR1), 0);
    ASSERT_TRUE(test::becomes_true([&] { return read_stat(child.pid())->state == 'Z'; }));
    EXPECT_FALSE(read_stat(child.pid())->is_zombie());
    EXPECT_EQ(read_executable(child.pid()), fs::read_symlink("/proc/self/exe"))
        << "from the other thread";
    EXPECT_EQ(read_arguments(child.pid(), 4096), read_arguments(self(), 4096));
    EXPECT_EQ(read_working_directory(child.pid()), fs::current_path());
    EXPECT_EQ(read_cgroup(child.pid()), read_cgroup(self()));
}

TEST(Procfs, FilesBehindDescriptors) {
    const test::TempDirectory directory;
    const std::string path = directory.write("file", "x");
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(read_descriptor(self(), std::to_string(file.get())), path);
    fs::remove(path);
    EXPECT_EQ(read_descriptor(self(), std::to_string(file.get())), path) << "without the suffix";
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    EXPECT_EQ(read_descriptor(self(), std::to_string(ends[0])), std::nullopt);
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_EQ(read_descriptor(self(), "99999"), std::nullopt);
}

TEST(Procfs, IoAgreesWithGetrusage) {
    if (::access("/proc/self/io", R_OK) != 0) {
        GTEST_SKIP() << "this kernel counts no storage bytes";
    }
    const Blocks before = blocks_of_self();
    const auto io = read_io(self());
    const Blocks after = blocks_of_self();
    ASSERT_TRUE(io);
    EXPECT_GE(io->read_bytes / 512, before.read);
    EXPECT_LE(io->read_bytes / 512, after.read);
    EXPECT_GE(io->write_bytes / 512, before.written);
    EXPECT_LE(io->write_bytes / 512, after.written);
}

TEST(Procfs, RssGrowsWithWrittenMemory) {
    constexpr uint64_t added_bytes = 64 << 20;
    const auto before = read_rss_bytes(self());
    std::string memory(added_bytes, 'x');
    const auto after = read_rss_bytes(self());
    ASSERT_TRUE(before);
    ASSERT_TRUE(after);
    EXPECT_EQ(memory.back(), 'x');
    EXPECT_GE(*after, *before + added_bytes * 9 / 10);
    EXPECT_LE(*after, *before + added_bytes * 11 / 10 + (4 << 20));
}

TEST(Procfs, TheUserIsTheRealOne) {
    EXPECT_EQ(read_status(self())->uid, ::getuid());
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can become another user";
    }
    const Process child([] { (void)!::setresuid(12345, 0, 0); });
    EXPECT_EQ(read_status(child.pid())->uid, 12345U);
}

TEST(Procfs, ParsesOnlyTheUidLine) {
    EXPECT_EQ(parse_status("Name:\tUid:\t7\nUid:\t1\t2\t3\t4\n")->uid, 1U);
    for (const char* text : {"", "Uid:", "Uid:\n", "Uid:\tx\t2\n", "Gid:\t1\n"}) {
        EXPECT_FALSE(parse_status(text)) << text;
    }
}

TEST(Procfs, HugePagesAreInKilobytes) {
    const auto status =
        parse_status("Uid:\t1\t2\t3\t4\nRssFile:\t  7 kB\nHugetlbPages:\t   4096 kB\n");
    ASSERT_TRUE(status);
    EXPECT_EQ(status->huge_bytes, 4U << 20);
    EXPECT_EQ(parse_status("Uid:\t1\nHugetlbPages:\n")->huge_bytes, 0U) << "not counted here";
}

TEST(Procfs, ArgumentsUpToTheLimit) {
    const std::string large(100'000, 'a');
    const Process child(shell, {"sh", "-c", wait_for_input, "an argument", "", large});
    ASSERT_TRUE(child.ready());
    const std::string all = "sh\0-c\0"s + wait_for_input + "\0an argument\0\0"s + large + '\0';
    EXPECT_EQ(read_arguments(child.pid(), 1 << 20), all);
    EXPECT_EQ(read_arguments(child.pid(), all.size()), all);
    for (const size_t limit : {0, 1, 2, 3, 4, 1024, 50'000}) {
        EXPECT_EQ(read_arguments(child.pid(), limit), all.substr(0, limit));
    }
}

TEST(Procfs, AnExecutableEvenIfDeleted) {
    const test::TempDirectory directory;
    const std::string path = directory.path("a shell");
    fs::copy_file(fs::canonical(shell), path);
    const Process child(path, {"sh", "-c", wait_for_input});
    ASSERT_TRUE(child.ready());
    EXPECT_EQ(read_executable(child.pid()), path);
    fs::remove(path);
    EXPECT_EQ(read_executable(child.pid()), path);
}

TEST(Procfs, AChildIsInTheCgroupOfItsParent) {
    const Process child;
    EXPECT_EQ(read_cgroup(child.pid()), read_cgroup(self()));
}

TEST(Procfs, FilesOfAMissingProcessAreAbsent) {
    EXPECT_FALSE(read_stat(no_such_pid));
    EXPECT_FALSE(read_rss_bytes(no_such_pid));
    EXPECT_FALSE(read_io(no_such_pid));
    EXPECT_FALSE(read_status(no_such_pid));
    EXPECT_FALSE(read_executable(no_such_pid));
    EXPECT_FALSE(read_arguments(no_such_pid, 100));
    EXPECT_FALSE(read_cgroup(no_such_pid));
    EXPECT_FALSE(read_stat(0));
}

TEST(Procfs, TheListHasAllProcessesOnce) {
    const Process child;
    Process zombie;
    zombie.kill();
    const auto pids = list_processes();
    const std::set<uint32_t> once(pids.begin(), pids.end());
    EXPECT_EQ(once.size(), pids.size());
    for (const uint32_t pid : {self(), child.pid(), zombie.pid()}) {
        EXPECT_EQ(once.count(pid), 1U) << pid;
    }
    EXPECT_EQ(once.count(0), 0U);
}

}  // namespace
}  // namespace vigil::host
