// SPDX-License-Identifier: Apache-2.0
// The log of `vigil watch -l`: every line, complete, also after a full disk.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <sstream>

#include "mount_ns.h"
#include "watch.h"

namespace vigil::tests {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string rules() { return with_clock(report_all_rule("vt-log*", "memory")); }

// Events reported while the log could not be written are in it at the end, in order.
void expect_same_lines(const std::vector<Event>& reported, const std::vector<Event>& logged) {
    ASSERT_EQ(logged.size(), reported.size());
    for (size_t i = 0; i < reported.size(); i++) {
        ASSERT_EQ(logged[i].line(), reported[i].line());
    }
}

TEST(WatchLog, EveryLineIsThereToo) {
    const TempDirectory directory;
    const std::string log = directory.path() + "/violations.log";
    std::ofstream(log) << "{\"kind\":\"what was there before\"}\n";
    WatchRun run(rules(), {"--interval", "100ms", "-l", log});
    run.wait_for_sweep();
    const std::string moved = log + ".1";
    ASSERT_EQ(::rename(log.c_str(), moved.c_str()), 0);
    run.wait_for_sweep();
    run.apply(rules());  // SIGHUP
    wait_until([&] { return ::access(log.c_str(), F_OK) == 0; }, "a new log");
    run.wait_for_sweep();
    const std::vector<Event> reported = run.end();
    std::vector<Event> logged = parse_lines(read_file(moved));
    ASSERT_GT(logged.size(), 1U);
    EXPECT_EQ(logged[0].kind(), "what was there before");
    logged.erase(logged.begin());
    const std::vector<Event> rest = parse_lines(read_file(log));
    EXPECT_FALSE(rest.empty());
    logged.insert(logged.end(), rest.begin(), rest.end());
    expect_same_lines(reported, logged);
}

// A file system of 64 KiB, in the mount namespace of the tests.
class SmallDisk {
 public:
    SmallDisk() {
        mounted_ = has_own_mount_ns() &&
                   ::mount("tmpfs", path().c_str(), "tmpfs", 0, "size=64k,mode=755") == 0;
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() {
        if (mounted_) {
            ::umount2(path().c_str(), MNT_DETACH);
        }
    }
    explicit operator bool() const { return mounted_; }
    const std::string& path() const { return directory_.path(); }
    void fill() const {
        const Fd file(::open((path() + "/filler").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        const std::string bytes(512, 'x');
        while (::write(file.get(), bytes.data(), bytes.size()) > 0) {
        }
    }
    void free_space() const { ::unlink((path() + "/filler").c_str()); }

 private:
    TempDirectory directory_;
    bool mounted_ = false;
};

TEST(WatchLog, FullDisk) {
    const SmallDisk disk;
    if (!disk) {
        GTEST_SKIP() << "no tmpfs can be mounted here";
    }
    const std::string log = disk.path() + "/violations.log";
    WatchRun run(rules(), {"--interval", "100ms", "-l", log});
    run.wait_for_sweep();
    disk.fill();
    run.program().wait_for_error("writing to '" + log + "': No space left on device");
    const size_t whole = read_file(log).size();
    run.wait_for_sweep();
    run.wait_for_sweep();
    EXPECT_EQ(read_file(log).size(), whole);
    disk.free_space();
    run.program().wait_for_error("writing to '" + log + "' again");
    run.wait_for_sweep();
    const std::vector<Event> reported = run.end();
    expect_same_lines(reported, parse_lines(read_file(log)));
}

TEST(WatchLog, KilledInTheMiddle) {
    const TempDirectory directory;
    const std::string log = directory.path() + "/violations.log";
    WatchRun run(rules(), {"--interval", "100ms", "-l", log});
    run.wait_for_sweep();
    run.program().send(SIGKILL);
    EXPECT_EQ(run.program().wait(), 128 + SIGKILL);
    const std::string bytes = read_file(log);
    ASSERT_FALSE(bytes.empty());
    EXPECT_EQ(bytes.back(), '\n');
    EXPECT_GE(parse_lines(bytes).size(), 3U);
}

TEST(WatchLog, DirectoryThatIsNotThere) {
    const TempDirectory directory;
    const std::string path = directory.path() + "/limits.json";
    std::ofstream(path) << "[]";
    Program vigil({"watch", "-c", path, "-l", directory.path() + "/no/log"});
    EXPECT_EQ(vigil.wait(), 2);
    EXPECT_NE(vigil.errors().find("/no/log': No such file or directory"), std::string::npos)
        << vigil.errors();
}

}  // namespace
}  // namespace vigil::tests
