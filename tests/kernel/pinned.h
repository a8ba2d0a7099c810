// SPDX-License-Identifier: Apache-2.0
// The fixture of tests that pin programs, in the tests' own bpffs.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "harness.h"
#include "mount_ns.h"

namespace vigil::tests {

inline int run_vigil(const Strings& arguments, std::string* errors = nullptr) {
    Program vigil(arguments);
    const int code = vigil.wait();
    if (errors != nullptr) {
        *errors = vigil.errors();
    }
    return code;
}

class Pinned : public ::testing::Test {
 protected:
    void SetUp() override {
        if (!has_own_mount_ns()) {
            GTEST_SKIP() << "no mount namespace, and the machine's own pins are not for tests";
        }
    }
    void TearDown() override {
        if (::access("/sys/fs/bpf/vigil", F_OK) == 0) {
            EXPECT_EQ(run_vigil({"unpin"}), 0);
        }
    }

    static void pin(const Strings& options) {
        Strings arguments{"pin"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        std::string errors;
        ASSERT_EQ(run_vigil(arguments, &errors), 0) << errors;
    }

    static std::unique_ptr<TraceRun> reader() {
        return std::make_unique<TraceRun>(Strings{"--pinned"});
    }

    // Returns once it has reported the exit of `pid`: ended earlier, it would leave the rest in the
    // ring.
    static void wait_for_exit(TraceRun& reader, pid_t pid) {
        reader.program().wait_for_output("\"pid\":" + std::to_string(pid) + ",");
    }
};

}  // namespace vigil::tests
