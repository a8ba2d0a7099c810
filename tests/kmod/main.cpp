// SPDX-License-Identifier: Apache-2.0
// Loads the kernel module, many times and in bad company: meant for guests. Elsewhere it is
// skipped, unless someone names a module by $VIGIL_MODULE.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "module.h"

namespace {

constexpr int skipped = 77;

// What the kernel complains about counts against the test during which it did.
class NoComplaints : public ::testing::EmptyTestEventListener {
 public:
    void OnTestEnd(const ::testing::TestInfo&) override {
        for (const std::string& line : log_.lines()) {
            for (const char* complaint : {"BUG:", "WARNING:", "Oops", "rcu_", "stall", "lockup"}) {
                if (line.find(complaint) != std::string::npos &&
                    line.find("PROCESS_MONITOR") == std::string::npos) {
                    ADD_FAILURE() << "the kernel says: " << line;
                }
            }
        }
        EXPECT_FALSE(vigil::tests::module_is_loaded()) << "left behind";
    }

 private:
    vigil::tests::KernelLog log_;
};

int skip(const char* why) {
    std::cout << "skipped: " << why << '\n';
    return std::getenv("VIGIL_MUST_RUN") != nullptr ? 1 : skipped;
}

}  // namespace

int main(int argc, char** argv) {
    ::testing::InitGoogleTest(&argc, argv);
    if (::access("/proc/modules", F_OK) != 0) {
        return skip("kernel without modules");
    }
    if (std::getenv("VIGIL_MODULE") == nullptr) {
        return skip("no module named by VIGIL_MODULE");
    }
    if (::geteuid() != 0) {
        return skip("not root");
    }
    ::testing::UnitTest::GetInstance()->listeners().Append(new NoComplaints);
    return RUN_ALL_TESTS();
}
