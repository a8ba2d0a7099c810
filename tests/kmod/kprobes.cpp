// SPDX-License-Identifier: Apache-2.0
#include "kprobes.h"

#include <gtest/gtest.h>

#include <fstream>

namespace vigil::tests {
namespace {

void write_switch(const char* path, const char* state) {
    std::ofstream file(path);
    file << state << std::flush;
    EXPECT_TRUE(file.good()) << state << " to " << path;
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

SwitchedOff::SwitchedOff(const char* path) : path_(path) { write_switch(path_, "0"); }
SwitchedOff::~SwitchedOff() { write_switch(path_, "1"); }

}  // namespace vigil::tests
