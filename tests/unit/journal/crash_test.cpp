// SPDX-License-Identifier: Apache-2.0
// Writers that are killed at any step: lines reported as synced are there, once and in order.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>
#include <random>

#include "base/clock.h"
#include "base/fd.h"
#include "journal/writer.h"
#include "support/journal.h"
#include "support/processes.h"

namespace vigil::journal {
namespace {

using test::numbered_line;
using test::Step;

constexpr uint64_t long_ns = 10 * ns_per_s;

// A file system that ends the process after `steps_left` steps, in the middle of a write.
class CrashingDisk : public test::TestFileSystem {
 public:
    // `power_cut`: unsynced data of the last file is lost too.
    CrashingDisk(int steps_left, int syncs_before_error, bool power_cut)
        : steps_left_(steps_left), syncs_before_error_(syncs_before_error), power_cut_(power_cut) {
        skips_sync = true;
        fails = [this](Step step) { return take(step); };
        written = [this](size_t size) { return steps_left_ == 0 ? (size + 1) / 2 : size; };
    }

    int open(const std::string& path, int flags, mode_t mode) override {
        const int fd = TestFileSystem::open(path, flags, mode);
        if (path.ends_with(".log")) {
            fd_ = fd;
            synced_bytes_ = size_of(fd);
        }
        return fd;
    }
    ssize_t write(int fd, const char* bytes, size_t count) override {
        const ssize_t result = TestFileSystem::write(fd, bytes, count);
        if (steps_left_ == 0) {
            crash();
        }
        return result;
    }
    int fdatasync(int fd) override {
        const int result = TestFileSystem::fdatasync(fd);
        if (result == 0 && fd == fd_) {
            synced_bytes_ = size_of(fd);
        }
        return result;
    }
    int rename(const std::string& from, const std::string& to) override {
        const int result = TestFileSystem::rename(from, to);
        fd_ = result == 0 ? -1 : fd_;
        return result;
    }

 private:
    static off_t size_of(int fd) {
        struct stat info {};
        return ::fstat(fd, &info) == 0 ? info.st_size : 0;
    }
    int take(Step step) {
        if (--steps_left_ < 0 || (steps_left_ == 0 && step != Step::write)) {
            crash();
        }
        return step == Step::fdatasync && syncs_before_error_-- == 0 ? EIO : 0;
    }
    [[noreturn]] void crash() const {
        if (power_cut_ && fd_ >= 0 && size_of(fd_) > synced_bytes_) {
            (void)!::ftruncate(fd_, synced_bytes_);
        }
        ::_exit(1);
    }

    int steps_left_;
    int syncs_before_error_;
    bool power_cut_;
    int fd_ = -1;
    off_t synced_bytes_ = 0;
};

// Runs `work` in a child process, with an event handler that reports synced lines. Returns the last
// line reported; `ended` is set if the child finished.
uint64_t run_child(const std::function<void(const WriterEvents&)>& work,
                   const std::function<void(pid_t, int)>& meanwhile, bool& ended) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd reports(ends[0]);
    Fd report(ends[1]);
    const pid_t pid = ::fork();
    if (pid == 0) {
        WriterEvents events;
        const int fd = report.get();
        events.on_synced = [fd](uint64_t sequence) {
            if (::write(fd, &sequence, sizeof sequence) != sizeof sequence) {
                ::_exit(2);
            }
        };
        work(events);
        ::_exit(0);
    }
    report.reset();
    meanwhile(pid, reports.get());
    uint64_t synced = 0;
    for (uint64_t sequence = 0; ::read(reports.get(), &sequence, sizeof sequence) == 8;) {
        synced = sequence;
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    EXPECT_TRUE(ended || WIFSIGNALED(status) || WEXITSTATUS(status) == 1) << status;
    return synced;
}

// A short run through all code paths: commits, rotations, removals, a new segment at open.
void run_writer(const std::string& path, const WriterEvents& events, FileSystem& file_system,
                bool removes) {
    WriterOptions options;
    options.path = path;
    options.segment_bytes = 100;
    options.new_segment = true;
    options.total_bytes = removes ? 1000 : 0;
    options.first_sequence = 7;
    const auto writer = Writer::open(options, events, file_system);
    if (!writer) {
        ::_exit(3);
    }
    for (int i = 0; i < 4; i++) {
        for (int line = 0; line < 3; line++) {
            (void)(*writer)->append(numbered_line((*writer)->next_sequence()));
        }
        if (i != 1) {
            (*writer)->rotate();  // which also writes the lines immediately
        }
        if (!(*writer)->wait_synced((*writer)->next_sequence() - 1, long_ns)) {
            ::_exit(4);
        }
        if (removes && i == 2) {
            (*writer)->remove_before((*writer)->synced() - 2);
        }
    }
}

// Every synced line is there, others may be, and numbering continues after them.
void expect_whole(const std::string& path, uint64_t synced, bool removes) {
    const auto content = test::read_numbered(path);
    ASSERT_EQ(content.wrong, "");
    ASSERT_TRUE(removes || content.last == 0 || content.first == 7) << content.first;
    ASSERT_GE(std::max<uint64_t>(content.last, 6), synced);
    WriterOptions options;
    options.path = path;
    options.first_sequence = 7;
    auto writer = Writer::open(options, {});
    ASSERT_TRUE(writer) << writer.error().context;
    const uint64_t next = (*writer)->next_sequence();
    ASSERT_GT(next, synced);
    ASSERT_TRUE(content.last == 0 || next == content.last + 1) << next << ' ' << content.last;
    ASSERT_EQ((*writer)->append(numbered_line(next)), next);
    writer->reset();
    const auto after = test::read_numbered(path);
    ASSERT_EQ(after.wrong, "");
    ASSERT_EQ(after.last, next);
}

// Two consecutive runs; the second one crashes at each of its steps in turn.
void crash_at_each_step(int syncs_before_error, bool power_cut, bool removes, int min_steps) {
    const auto run = [=](const std::string& path, int steps, bool& ended) {
        const auto work = [&](const WriterEvents& events) {
            CrashingDisk file_system(steps, syncs_before_error, power_cut);
            run_writer(path, events, file_system, removes);
        };
        return run_child(
            work, [](pid_t, int) {}, ended);
    };
    bool ended = false;
    const test::TempDirectory first;
    const uint64_t before = run(first.path("events.log"), 1'000'000, ended);
    ASSERT_TRUE(ended);
    ended = false;
    int step = 1;
    for (; !ended && step < 1000; step++) {
        const test::TempDirectory second;
        std::filesystem::copy(first.path(""), second.path(""));
        const std::string path = second.path("events.log");
        const uint64_t synced = std::max(before, run(path, step, ended));
        expect_whole(path, synced, removes);
        if (testing::Test::HasFatalFailure()) {
            FAIL() << "at step " << step << ", EIO after " << syncs_before_error;
        }
    }
    EXPECT_TRUE(ended);
    EXPECT_GE(step, min_steps);
}

TEST(Crash, AtAnyStep) { crash_at_each_step(-1, false, false, 25); }

TEST(Crash, AtAnyStepLosingUnsyncedData) { crash_at_each_step(-1, true, false, 25); }

TEST(Crash, AtAnyStepWhileRemovingTheOldest) { crash_at_each_step(-1, true, true, 25); }

TEST(Crash, AtAnyStepOfAbandoningASegment) {
    // Open makes two syncs; then comes the first sync of lines.
    crash_at_each_step(2, true, false, 30);
    crash_at_each_step(3, false, false, 30);
    crash_at_each_step(4, true, false, 30);
}

TEST(Crash, KilledUnderLoadAtAnyMoment) {
    const test::TempDirectory directory;
    const std::string path = directory.path("events.log");
    std::mt19937 random(1);
    uint64_t synced = 0;
    for (int round = 0; round < 50; round++) {
        bool ended = false;
        const auto write_all_the_time = [&](const WriterEvents& events) {
            WriterOptions options;
            options.path = path;
            options.segment_bytes = 128 << 10;
            options.total_bytes = 2 << 20;
            options.pending_bytes = 64 << 10;
            const auto writer = Writer::open(options, events);
            if (!writer) {
                ::_exit(3);
            }
            for (uint64_t next = (*writer)->next_sequence();;) {
                if ((*writer)->append(numbered_line(next, 30 + next % 100))) {
                    next++;
                } else {
                    (void)(*writer)->wait_synced((*writer)->synced() + 1, ns_per_s);
                }
            }
        };
        const auto kill = [&](pid_t pid, int reports) {
            uint64_t sequence = 0;
            EXPECT_EQ(::read(reports, &sequence, sizeof sequence), 8);
            synced = std::max(synced, sequence);
            ::usleep(static_cast<useconds_t>(random() % 20'000));
            ::kill(pid, SIGKILL);
        };
        synced = std::max(synced, run_child(write_all_the_time, kill, ended));
        ASSERT_FALSE(ended);
        const auto content = test::read_numbered(path);
        ASSERT_EQ(content.wrong, "") << "round " << round;
        ASSERT_GE(content.last, synced) << "round " << round;
    }
    EXPECT_GT(synced, 50U);
}

}  // namespace
}  // namespace vigil::journal
