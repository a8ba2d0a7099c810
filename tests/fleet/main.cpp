// SPDX-License-Identifier: Apache-2.0
// The fleet tests: real agents and servers, killed, short of resources, and refused.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <iostream>

#include "fleet_namespaces.h"
#include "load_agent.h"

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "load") == 0) {
        return vigil::tests::run_load_agent(argc - 2, argv + 2);
    }
    ::testing::InitGoogleTest(&argc, argv);
    if (!GTEST_FLAG_GET(list_tests)) {
        if (::geteuid() != 0) {
            std::cerr << "these tests make disks and networks of their own: run them as root\n";
            return 1;
        }
        vigil::tests::enter_fleet_namespaces();
    }
    return RUN_ALL_TESTS();
}
