// SPDX-License-Identifier: Apache-2.0
// A map of the test's own, with real processes in it.
#include "capture/tree.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "abi/control.h"
#include "base/clock.h"
#include "base/fd.h"
#include "host/procfs.h"
#include "support/processes.h"

namespace vigil::capture {
namespace {

// A process whose first thread has ended while another one runs.
class WithoutFirstThread {
 public:
    WithoutFirstThread() : pid_(::fork()) {
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            std::thread([] {
                while (true) {
                    ::pause();
                }
            }).detach();
            ::syscall(SYS_exit, 0);
        }
    }
    WithoutFirstThread(const WithoutFirstThread&) = delete;
    WithoutFirstThread& operator=(const WithoutFirstThread&) = delete;
    ~WithoutFirstThread() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    uint32_t pid() const { return static_cast<uint32_t>(pid_); }
    void kill() const { ::kill(pid_, SIGKILL); }

 private:
    pid_t pid_;
};

class TreeTest : public ::testing::Test {
 protected:
    void SetUp() override {
        map_ = Fd(::bpf_map_create(BPF_MAP_TYPE_HASH, "tree", sizeof(uint32_t), 1, 16, nullptr));
        if (!map_) {
            GTEST_SKIP() << "this kernel or these privileges give no BPF map";
        }
    }
    void add(uint32_t pid) {
        const uint8_t member = VIGIL_TREE_MEMBER;
        ASSERT_EQ(::bpf_map_update_elem(map_.get(), &pid, &member, BPF_ANY), 0);
    }

    Fd map_;
};

TEST_F(TreeTest, IsEmptyOnceNoMemberLives) {
    Tree tree(map_.get());
    EXPECT_EQ(tree.state(0), TreeState::empty);
    test::Process first;
    test::Process second;
    add(first.pid());
    add(second.pid());
    EXPECT_EQ(tree.state(0), TreeState::alive);
    first.end();
    EXPECT_EQ(tree.state(0), TreeState::alive);
    second.kill();  // a zombie stays in the map where its exit was not seen
    EXPECT_TRUE(test::becomes_true([&] { return tree.state(0) == TreeState::empty; }));
}

// Polled without end it would wake the tracer twenty times a second.
TEST_F(TreeTest, AProcessWithoutItsFirstThreadIsPolledForABoundedTime) {
    const WithoutFirstThread process;
    ASSERT_TRUE(test::becomes_true([&] {
        const auto stat = host::read_stat(process.pid());
        return stat && stat->exiting && stat->state == 'Z' && stat->threads > 1;
    }));
    add(process.pid());
    Tree tree(map_.get());
    const uint64_t begin_ns = 5 * ns_per_s;
    EXPECT_EQ(tree.state(begin_ns), TreeState::ending);
    EXPECT_EQ(tree.state(begin_ns + Tree::max_ending_ns - 1), TreeState::ending);
    EXPECT_EQ(tree.state(begin_ns + Tree::max_ending_ns), TreeState::alive);
    EXPECT_EQ(tree.state(begin_ns + 100 * ns_per_s), TreeState::alive);
    process.kill();
    EXPECT_TRUE(test::becomes_true(
        [&] { return tree.state(begin_ns + 100 * ns_per_s) == TreeState::empty; }));
}

}  // namespace
}  // namespace vigil::capture
