// SPDX-License-Identifier: Apache-2.0
// The screen of seed 001, to the byte.
#include <gtest/gtest.h>

#include "format/formatter.h"
#include "support/events.h"

namespace vigil::format {
namespace {

std::string row(uint32_t pid, uint32_t ppid, std::string_view comm) {
    auto event = test::fork_event();
    event.process.pid = pid;
    event.process.ppid = ppid;
    event.process.comm = test::comm(comm);
    std::string out;
    make_table_formatter()->append(out, event);
    return out;
}

TEST(Table, Header) {
    EXPECT_EQ(make_table_formatter()->header(),
              "Monitoring process creation events... Press Ctrl-C to exit\n"
              "PID      PPID     COMM\n"
              "-------- -------- ----------------\n");
}

TEST(Table, Rows) {
    EXPECT_EQ(row(12345, 8888, "ls"), "12345    8888     ls\n");
    EXPECT_EQ(row(1, 0, "init"), "1        0        init\n");
    EXPECT_EQ(row(4194303, 4194302, "fifteen-bytes-1"), "4194303  4194302  fifteen-bytes-1\n");
    EXPECT_EQ(row(4294967295, 4294967295, "x"), "4294967295 4294967295 x\n");
}

TEST(Table, NamesAreEscaped) {
    EXPECT_EQ(row(1, 2, "a\nb\x1b[2J\\"), "1        2        a\\nb\\e[2J\\\\\n");
}

TEST(Table, ALossHasARowOfItsOwn) {
    std::string out;
    make_table_formatter()->append(out, test::loss_event());
    EXPECT_EQ(out, "-        -        (lost 12 exit events)\n");
}

TEST(Table, OtherKindsHaveNone) {
    std::string out;
    const auto formatter = make_table_formatter();
    for (const auto& event : {test::exec_event(), test::exit_event(), test::signal_event(),
                              test::oom_event(), test::kill_failed_event()}) {
        formatter->append(out, event);
    }
    EXPECT_EQ(out, "");
}

TEST(NullFormatter, WritesNothing) {
    std::string out;
    const auto formatter = make_null_formatter();
    for (const auto& event : {test::fork_event(), test::exit_event(), test::loss_event()}) {
        formatter->append(out, event);
    }
    EXPECT_EQ(out + formatter->header(), "");
}

}  // namespace
}  // namespace vigil::format
