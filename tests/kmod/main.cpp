// SPDX-License-Identifier: Apache-2.0
// Loads the kernel module many times and under adverse conditions: meant for guests. Elsewhere it
// is skipped, unless $VIGIL_MODULE names a module.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "module.h"

namespace {

constexpr int skipped = 77;

// The kernel's taint flags, except the two of any module that is out of tree and unsigned.
uint64_t taint() {
    constexpr uint64_t out_of_tree = 1 << 12;
    constexpr uint64_t not_signed = 1 << 13;
    uint64_t bits = ~uint64_t{0};
    std::ifstream("/proc/sys/kernel/tainted") >> bits;
    return bits & ~(out_of_tree | not_signed);
}

// Fails the test during which the kernel logs a complaint.
class NoComplaints : public ::testing::EmptyTestEventListener {
 public:
    void OnTestStart(const ::testing::TestInfo&) override { taint_before_ = taint(); }

    void OnTestEnd(const ::testing::TestInfo&) override {
        for (const std::string& line : log_.lines()) {
            for (const char* complaint : {"BUG:", "WARNING:", "Oops", "rcu_", "stall", "lockup"}) {
                if (line.find(complaint) != std::string::npos &&
                    line.find("PROCESS_MONITOR") == std::string::npos) {
                    ADD_FAILURE() << "the kernel logged: " << line;
                }
            }
        }
        EXPECT_FALSE(log_.pop_overwritten()) << "complaints may be among what was overwritten";
        EXPECT_EQ(taint(), taint_before_) << "the kernel is tainted: see /proc/sys/kernel/tainted";
        EXPECT_FALSE(vigil::tests::module_is_loaded()) << "left behind";
    }

 private:
    uint64_t taint_before_ = 0;
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
