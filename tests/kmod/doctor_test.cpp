// SPDX-License-Identifier: Apache-2.0
// The report of `vigil doctor` about the module, in each state that a test can create.
#include <gtest/gtest.h>

#include "harness.h"
#include "kprobes.h"
#include "module.h"

namespace vigil::tests {
namespace {

std::string doctor() {
    Program program({"doctor"});
    program.wait();
    return program.output();
}

void expect_strings(const std::string& output, const std::vector<const char*>& words) {
    for (const char* word : words) {
        EXPECT_NE(output.find(word), std::string::npos) << "no '" << word << "' in:\n" << output;
    }
}

TEST(Doctor, ReportsHowToLoadTheModule) {
    expect_strings(doctor(), {"Kernel module", "not loaded; only 'vigil verify' needs it",
                              "insmod kmod/process_monitor.ko", "do_exit and taskstats_exit",
                              "not needed", "not at /lib/modules/"});
}

TEST(Doctor, ReportsThatItIsLoadedAndThatItsLinesAreOff) {
    const LoadedModule module;
    std::string output = doctor();
    expect_strings(output, {"loaded; ", "processes have ended since"});
    EXPECT_EQ(output.find("switched off (log=0)"), std::string::npos) << output;
    EXPECT_EQ(set_parameter("log", "0"), 0);
    expect_strings(doctor(),
                   {"switched off (log=0)", "/sys/module/process_monitor/parameters/log"});
}

TEST(Doctor, ReportsAnotherModuleOfThisName) {
    const LoadedModule module("log=0");
    const TotalsHidden hidden;
    expect_strings(doctor(), {"another one of this name", "sudo rmmod process_monitor"});
}

TEST(Doctor, NamesWhatDisablesKprobes) {
    {
        const KprobesOff off;
        expect_strings(doctor(), {"switched off", "/sys/kernel/debug/kprobes/enabled"});
    }
    {
        const FtraceOff off;
        expect_strings(doctor(), {"kernel.ftrace_enabled is 0", "sysctl kernel.ftrace_enabled=1"});
    }
    EXPECT_EQ(doctor().find("the kernel module sees no exit"), std::string::npos);
}

}  // namespace
}  // namespace vigil::tests
