// SPDX-License-Identifier: Apache-2.0
#include "exit_load.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <limits>

#include "processes.h"

namespace vigil::tests {
namespace {

int end_at_once(void*) { return 0; }

// The children share the parent's memory, as with vfork(2): copying it would take most of the time.
int make_children(int count) {
    alignas(16) std::array<char, 16'384> stack{};
    for (int i = 0; i < count; i++) {
        const pid_t child = ::clone(end_at_once, stack.data() + stack.size(),
                                    CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr);
        if (child < 0 || ::waitpid(child, nullptr, 0) != child) {
            return 1;
        }
    }
    return 0;
}

std::vector<pid_t> start_workers(int workers, int each) {
    std::vector<pid_t> pids;
    for (int i = 0; i < workers; i++) {
        pids.push_back(start([each] { return make_children(each); }));
    }
    return pids;
}

}  // namespace

std::vector<pid_t> make_exits(int workers, int each) {
    std::vector<pid_t> pids = start_workers(workers, each);
    for (const pid_t pid : pids) {
        EXPECT_EQ(wait_for(pid).code(), 0);
    }
    return pids;
}

ExitLoad::ExitLoad(int workers)
    : workers_(start_workers(workers, std::numeric_limits<int>::max())) {}

ExitLoad::~ExitLoad() {
    for (const pid_t pid : workers_) {
        kill_and_wait(pid, SIGKILL);
    }
}

}  // namespace vigil::tests
