// SPDX-License-Identifier: Apache-2.0
// What the other tests rely on.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

#include "harness.h"
#include "mount_ns.h"
#include "processes.h"
#include "sockets.h"

namespace vigil::tests {
namespace {

// A test that crashes runs no destructor.
TEST(Harness, AProgramEndsWithItsTest) {
    const TempDirectory state;
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t test = start([&] {
        Program vigil({"record", "--state", state.path()});
        const pid_t pid = vigil.pid();
        if (vigil.wait_for_error("keeping deaths in") &&
            ::write(ends[1], &pid, sizeof pid) == sizeof pid) {
            ::raise(SIGKILL);
        }
        return 1;
    });
    ::close(ends[1]);
    EXPECT_EQ(wait_for(test).signal(), SIGKILL);
    pid_t vigil = 0;
    ASSERT_EQ(::read(ends[0], &vigil, sizeof vigil), static_cast<ssize_t>(sizeof vigil));
    wait_until(
        [&] {
            const std::string stat = proc_file(vigil, "stat");
            return stat.empty() || stat.find(") Z ") != std::string::npos;
        },
        "the end of vigil");
    ::close(ends[0]);
}

TEST(Harness, ActsInAChroot) {
    if (!has_own_mount_ns()) {
        GTEST_SKIP() << "no mount namespace for a chroot";
    }
    const TempDirectory directory;
    const std::string binaries = std::filesystem::path(self_path()).parent_path();
    const pid_t pid = start([&] {
        // All of this machine but the tests themselves.
        require(::unshare(CLONE_NEWNS) == 0 &&
                    ::mount("/", directory.path().c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0,
                "mount");
        hide((directory.path() + binaries).c_str());
        require(::chroot(directory.path().c_str()) == 0 && ::chdir("/") == 0, "chroot");
        exec_self({"exit", "7"});
        return 1;
    });
    EXPECT_EQ(wait_for(pid).code(), 7);
}

}  // namespace
}  // namespace vigil::tests
