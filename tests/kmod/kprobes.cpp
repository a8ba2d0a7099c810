// SPDX-License-Identifier: Apache-2.0
#include "kprobes.h"

#include <gtest/gtest.h>

#include <fstream>

namespace vigil::tests {
namespace {

void switch_kprobes(const char* state) {
    std::ofstream file("/sys/kernel/debug/kprobes/enabled");
    file << state << std::flush;
    EXPECT_TRUE(file.good()) << "switching kprobes " << state;
}

}  // namespace

int kprobes_of(const std::string& function) {
    std::ifstream file("/sys/kernel/debug/kprobes/list");
    EXPECT_TRUE(file.good());
    int count = 0;
    for (std::string line; std::getline(file, line);) {
        count += line.find(" " + function + "+") != std::string::npos ? 1 : 0;
    }
    return count;
}

KprobesOff::KprobesOff() { switch_kprobes("0"); }
KprobesOff::~KprobesOff() { switch_kprobes("1"); }

}  // namespace vigil::tests
