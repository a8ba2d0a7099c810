// SPDX-License-Identifier: Apache-2.0
// Golden lines hold local times, and closed pipes are an ordinary case: settle both first.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <ctime>

int main(int argc, char** argv) {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    std::signal(SIGPIPE, SIG_IGN);
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
