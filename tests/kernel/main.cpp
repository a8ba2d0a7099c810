// SPDX-License-Identifier: Apache-2.0
// All tests run in their own mount namespace: they cannot reach the machine's pins, their pins
// vanish with them, and tracefs can be mounted or hidden.
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <cstring>
#include <iostream>

#include "exec_actions.h"
#include "harness.h"
#include "mount_ns.h"
#include "record_run.h"

namespace {

// The tests fork: a large process would make that slow.
class TrimMemory : public ::testing::EmptyTestEventListener {
 public:
    void OnTestEnd(const ::testing::TestInfo&) override { ::malloc_trim(0); }
};

class EndSharedRuns : public ::testing::Environment {
 public:
    void TearDown() override {
        vigil::tests::TraceWindow::end_all();
        vigil::tests::RecordRun::end_all();
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "act") == 0) {
        return vigil::tests::run_exec_action(argc - 2, argv + 2);
    }
    ::testing::InitGoogleTest(&argc, argv);
    if (!GTEST_FLAG_GET(list_tests)) {
        if (::geteuid() != 0) {
            std::cerr << "these tests load programs into the kernel: run them as root\n";
            return 1;
        }
        vigil::tests::enter_own_mount_ns();
        ::testing::AddGlobalTestEnvironment(new EndSharedRuns);
        ::testing::UnitTest::GetInstance()->listeners().Append(new TrimMemory);
    }
    return RUN_ALL_TESTS();
}
