// SPDX-License-Identifier: Apache-2.0
#include "model/event.h"

#include <gtest/gtest.h>

#include <set>

#include "support/events.h"

namespace vigil::model {
namespace {

TEST(Event, KindsMatchTheAbi) {
    EXPECT_EQ(kernel_kind_count, 6U);
    EXPECT_EQ(kind_count, 10U);
    const std::pair<Kind, std::string_view> kinds[] = {{Kind::fork, "fork"},
                                                       {Kind::exec, "exec"},
                                                       {Kind::exit, "exit"},
                                                       {Kind::signal, "signal"},
                                                       {Kind::oom, "oom"},
                                                       {Kind::kill_failed, "kill_failed"},
                                                       {Kind::loss, "loss"},
                                                       {Kind::violation, "violation"},
                                                       {Kind::unobserved, "unobserved"},
                                                       {Kind::death, "death"}};
    for (size_t i = 0; i < std::size(kinds); i++) {
        EXPECT_EQ(index(kinds[i].first), i);
        EXPECT_EQ(to_string(kinds[i].first), kinds[i].second);
        EXPECT_EQ(kind_bit(kinds[i].first), 1U << i);
        EXPECT_EQ(is_kernel_kind(kinds[i].first), i < kernel_kind_count);
    }
}

TEST(Event, CommEndsAtItsNulOrAtFullLength) {
    EXPECT_EQ(Comm{}.view(), "");
    EXPECT_EQ(test::comm("bash").view(), "bash");
    Comm full;
    full.bytes.fill('x');
    EXPECT_EQ(full.view().size(), 16U);
    Comm rubbish = test::comm("a");
    rubbish.bytes[2] = 'z';  // the kernel side need not clear the bytes after the NUL
    EXPECT_EQ(rubbish.view(), "a");
}

TEST(Event, ExitReadsAWaitStatus) {
    Exit exit;
    exit.status = 3 << 8;
    EXPECT_EQ(exit.signal(), 0);
    EXPECT_EQ(exit.code(), 3);
    EXPECT_FALSE(exit.core_dumped());
    exit.status = 255 << 8;
    EXPECT_EQ(exit.code(), 255);
    exit.status = 9;
    EXPECT_EQ(exit.signal(), 9);
    EXPECT_EQ(exit.code(), 0);
    exit.status = 0x80 | 11;
    EXPECT_EQ(exit.signal(), 11);
    EXPECT_TRUE(exit.core_dumped());
    exit.status = 64;
    EXPECT_EQ(exit.signal(), 64);
}

TEST(Event, NamesOfResultsAndSyscalls) {
    EXPECT_EQ(to_string(SignalResult::delivered), "delivered");
    EXPECT_EQ(to_string(SignalResult::ignored), "ignored");
    EXPECT_EQ(to_string(SignalResult::already_pending), "already_pending");
    EXPECT_EQ(to_string(SignalResult::overflow), "overflow");
    EXPECT_EQ(to_string(SignalResult::info_lost), "info_lost");
    EXPECT_EQ(to_string(KillSyscall::kill), "kill");
    EXPECT_EQ(to_string(KillSyscall::tkill), "tkill");
    EXPECT_EQ(to_string(KillSyscall::tgkill), "tgkill");
    EXPECT_EQ(to_string(KillSyscall::rt_sigqueueinfo), "rt_sigqueueinfo");
    EXPECT_EQ(to_string(KillSyscall::rt_tgsigqueueinfo), "rt_tgsigqueueinfo");
    EXPECT_EQ(to_string(KillSyscall::pidfd_send_signal), "pidfd_send_signal");
}

}  // namespace
}  // namespace vigil::model
