// SPDX-License-Identifier: Apache-2.0
#include "host/process_tree.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace vigil::host {
namespace {

// A process with the most difficult name possible, and one child; both sleep.
class Family {
 public:
    Family() {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        parent_ = ::fork();
        if (parent_ == 0) {
            ::prctl(PR_SET_NAME, ") S 1 1\n(\xff");
            const pid_t child = ::fork();
            if (child != 0) {
                (void)!::write(ends[1], &child, sizeof child);
            }
            ::pause();
            ::_exit(0);
        }
        EXPECT_EQ(::read(ends[0], &child_, sizeof child_), static_cast<ssize_t>(sizeof child_));
        ::close(ends[0]);
        ::close(ends[1]);
    }
    ~Family() {
        ::kill(child_, SIGKILL);
        ::kill(parent_, SIGKILL);
        ::waitpid(parent_, nullptr, 0);
    }
    uint32_t parent() const { return static_cast<uint32_t>(parent_); }
    uint32_t child() const { return static_cast<uint32_t>(child_); }

 private:
    pid_t parent_ = -1;
    pid_t child_ = -1;
};

bool contains(const std::vector<uint32_t>& pids, uint32_t pid) {
    return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

TEST(Procs, TreeHasTheRootFirstAndAllDescendants) {
    const Family family;
    const auto tree = process_tree(family.parent());
    EXPECT_EQ(tree, (std::vector{family.parent(), family.child()}));
    const auto larger = process_tree(static_cast<uint32_t>(::getpid()));
    ASSERT_FALSE(larger.empty());
    EXPECT_EQ(larger[0], static_cast<uint32_t>(::getpid()));
    EXPECT_TRUE(contains(larger, family.parent()));
    EXPECT_TRUE(contains(larger, family.child()));
    EXPECT_FALSE(contains(larger, static_cast<uint32_t>(::getppid())));
    EXPECT_EQ(process_tree(family.child()), std::vector{family.child()});
}

TEST(Procs, TreeOfAMissingProcessIsEmpty) {
    EXPECT_TRUE(process_tree(0).empty());
    EXPECT_TRUE(process_tree(UINT32_MAX).empty());
}

}  // namespace
}  // namespace vigil::host
