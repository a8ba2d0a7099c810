// SPDX-License-Identifier: Apache-2.0
// Bytes from and to storage reported by `vigil watch` against the bytes requested.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "sockets.h"
#include "watch.h"

namespace vigil::tests {
namespace {

constexpr size_t chunk = 1 << 20;
constexpr double mb = chunk;
constexpr double page = 4096;

class WatchDisk : public ::testing::Test {
 protected:
    void SetUp() override {
        disk = disk_directory();
        if (disk.empty()) {
            GTEST_SKIP() << "no file system here is on a disk";
        }
    }
    std::string disk;
};

Fd open_file(const TempDirectory& directory, int flags) {
    return Fd(
        ::open((directory.path() + "/file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC | flags, 0600));
}

struct Measured {
    double bytes = 0;
    std::vector<Event> events;
};

// The reported reads and writes of a process, from before its body to after it.
Measured measure(const std::string& name, const Meter& meter, const std::function<void()>& body) {
    WatchRun& run = shared_watch(report_all_rule(name, "disk"));
    MeasuredProcess process(run, name, [&] {
        meter.mark(0);
        body();
    });
    process.begin();
    process.wait_for_body();
    Measured reported;
    wait_until(
        [&] {
            run.wait_for_sweep();
            reported.events = run.all({process.pid(), "", "disk"});
            return reported.events.empty() || reported.events.back().text("state") == "cleared";
        },
        "no more bytes");
    reported.bytes = used_in_all(reported.events) * mb;
    return reported;
}

void expect_bytes(const Measured& reported, const Meter& meter) {
    EXPECT_NEAR(reported.bytes, meter.growth(), 0.05 * meter.growth() + page);
}

// Chunk by chunk, one each 20 ms or as fast as the disk allows.
void each_chunk(const Meter& meter, uint64_t count, const std::function<ssize_t(off_t)>& function) {
    for (uint64_t i = 0; i < count; i++) {
        require(function(static_cast<off_t>(i * chunk)) == static_cast<ssize_t>(chunk), "a chunk");
        meter.mark((i + 1) * chunk);
        ::usleep(20'000);
    }
}

TEST_F(WatchDisk, DirectWritesAtARate) {
    const TempDirectory directory(disk);
    const Meter meter;
    const Measured reported = measure("vt-direct", meter, [&] {
        const Fd file = open_file(directory, O_DIRECT);
        void* block = std::aligned_alloc(4096, chunk);
        each_chunk(meter, 60, [&](off_t at) { return ::pwrite(file.get(), block, chunk, at); });
    });
    expect_bytes(reported, meter);
    // Each value is the rate since the previous sweep, so the max is at least the mean.
    for (const Event& event : reported.events) {
        EXPECT_GE(real(event, "peak"), 0.999 * real(event, "mean")) << event.line();
    }
}

TEST_F(WatchDisk, BufferedWritesWithFsync) {
    const TempDirectory directory(disk);
    const Meter meter;
    const Measured reported = measure("vt-fsync", meter, [&] {
        const Fd file = open_file(directory, 0);
        const std::string bytes(chunk, 'x');
        each_chunk(meter, 30, [&](off_t at) {
            const ssize_t written = ::pwrite(file.get(), bytes.data(), chunk, at);
            return ::fsync(file.get()) == 0 ? written : -1;
        });
    });
    expect_bytes(reported, meter);
}

// Charged to the process that dirtied the pages, if at all before writeback.
TEST_F(WatchDisk, BufferedWritesAreNobodyElses) {
    const TempDirectory directory(disk);
    const Meter meter;
    const Measured reported = measure("vt-buffered", meter, [&] {
        const Fd file = open_file(directory, 0);
        const std::string bytes(chunk, 'x');
        each_chunk(meter, 30,
                   [&](off_t at) { return ::pwrite(file.get(), bytes.data(), chunk, at); });
    });
    EXPECT_LE(reported.bytes, 1.05 * meter.growth() + page);
}

// The kernel adds a child's bytes to its parent's when the parent waits for it.
TEST_F(WatchDisk, ParentsDoNotPayForTheirChildren) {
    if (shared_watch("").samples_proc()) {
        GTEST_SKIP() << "/proc can't tell them apart";
    }
    const TempDirectory directory(disk);
    const Meter meter;
    const Measured reported = measure("vt-parent", meter, [&] {
        const pid_t child = start([&] {
            set_own_name("vt-child");
            const Fd file = open_file(directory, O_DIRECT);
            void* block = std::aligned_alloc(4096, chunk);
            each_chunk(meter, 20, [&](off_t at) { return ::pwrite(file.get(), block, chunk, at); });
            return 0;
        });
        require(wait_for(child).code() == 0, "the child");
    });
    EXPECT_EQ(reported.bytes, 0);
}

TEST_F(WatchDisk, ReadsOfWhatIsNotInMemory) {
    const TempDirectory directory(disk);
    constexpr uint64_t count = 40;
    {
        const Fd file = open_file(directory, 0);
        const std::string bytes(count * chunk, 'x');
        ASSERT_EQ(::write(file.get(), bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
        ::fsync(file.get());
        ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    }
    const Meter meter;
    const Measured reported = measure("vt-reads", meter, [&] {
        const Fd file = open_file(directory, 0);
        std::string bytes(chunk, ' ');
        each_chunk(meter, count,
                   [&](off_t at) { return ::pread(file.get(), bytes.data(), chunk, at); });
    });
    expect_bytes(reported, meter);
}

}  // namespace
}  // namespace vigil::tests
