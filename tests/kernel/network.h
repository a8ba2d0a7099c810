// SPDX-License-Identifier: Apache-2.0
// Tests of network bytes: skipped, with vigil's reason, if the kernel does not allow counting them.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "harness.h"
#include "sockets.h"

namespace vigil::tests {

inline const Strings counting{"--network", "-e", "exit"};

class Network : public ::testing::Test {
 protected:
    static void SetUpTestSuite() {
        ASSERT_TRUE(make_own_loopback()) << "no loopback that is up";
        Program probe({"trace", "--network", "-e", "exit", "-o", "none", "--", "/bin/true"});
        if (probe.wait() == 3) {
            refusal = probe.errors();
        }
    }
    void SetUp() override {
        if (!refusal.empty()) {
            GTEST_SKIP() << refusal;
        }
    }

 private:
    static inline std::string refusal;
};

inline void expect_bytes(const Event& exit, size_t sent, size_t received) {
    EXPECT_EQ(exit.number("sent_bytes"), static_cast<int64_t>(sent)) << exit.line();
    EXPECT_EQ(exit.number("received_bytes"), static_cast<int64_t>(received)) << exit.line();
}

}  // namespace vigil::tests
