// SPDX-License-Identifier: Apache-2.0
// A reader of pinned programs whose selection was not pinned, or whose pins disappear.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "pinned.h"
#include "processes.h"

namespace vigil::tests {
namespace {

class PinReaders : public Pinned {};

TEST_F(PinReaders, OtherSignalsAreRefusedAndNothingIsConsumed) {
    const pid_t pid = start_sleeper([] { std::signal(SIGUSR1, SIG_IGN); });
    pin({"-e", "signal", "-s", "USR1", "--target", std::to_string(pid)});
    ::kill(pid, SIGUSR1);
    std::string errors;
    EXPECT_EQ(run_vigil({"trace", "--pinned", "-s", "KILL"}, &errors), 2);
    EXPECT_NE(errors.find("not pinned"), std::string::npos) << errors;
    Program reader({"trace", "--pinned", "-o", "json", "-n", "1"});
    EXPECT_EQ(reader.wait(), 0);
    const auto events = parse_lines(reader.output());
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].number("signal_number"), SIGUSR1);
    kill_and_wait(pid, SIGKILL);
}

}  // namespace
}  // namespace vigil::tests
