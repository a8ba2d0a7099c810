// SPDX-License-Identifier: Apache-2.0
// What a reader of pinned programs takes for the processes of its options.
#include "commands/trace/named_processes.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "host/process_lookup.h"
#include "support/processes.h"

namespace vigil::commands {
namespace {

using model::Kind;
using model::kind_bit;

TraceRequest with_target(uint32_t pid, model::KindSet kinds) {
    TraceRequest request;
    request.filter.kinds = kinds;
    request.filter.target = pipeline::WantedProcess{.pid = pid};
    return request;
}

constexpr model::KindSet signals = kind_bit(Kind::signal);
constexpr model::KindSet with_failed = signals | kind_bit(Kind::kill_failed);

TEST(IdentifyForPinned, EndsWithAProcessThatIsGone) {
    pipeline::EndCondition end;
    TraceRequest request = with_target(test::no_such_pid, signals);
    ASSERT_TRUE(identify_for_pinned(request, end));
    EXPECT_TRUE(end.reached());
    EXPECT_TRUE(request.filter.target->is(test::no_such_pid, boot_now_ns() + ns_per_s));
}

TEST(IdentifyForPinned, FailedKillsNeedNoTarget) {
    pipeline::EndCondition end;
    TraceRequest request = with_target(test::no_such_pid, with_failed);
    const uint64_t before_ns = boot_now_ns();
    ASSERT_TRUE(identify_for_pinned(request, end));
    EXPECT_FALSE(end.reached());
    EXPECT_TRUE(request.filter.target->is(test::no_such_pid, before_ns - 1))
        << "it may have been in the ring";
    EXPECT_FALSE(request.filter.target->is(test::no_such_pid, boot_now_ns()))
        << "a later process is another one";
}

TEST(IdentifyForPinned, FailedKillsDoNotEndWithTheirTarget) {
    for (const model::KindSet kinds : {signals, with_failed}) {
        test::Process process;
        pipeline::EndCondition end;
        TraceRequest request = with_target(process.pid(), kinds);
        const auto found = host::find_process(process.pid());
        ASSERT_TRUE(found);
        ASSERT_TRUE(identify_for_pinned(request, end));
        EXPECT_TRUE(request.filter.target->is(process.pid(), found->start_ns));
        EXPECT_FALSE(request.filter.target->is(process.pid(), found->start_ns + ns_per_s));
        process.kill();
        ASSERT_TRUE(test::becomes_true([&] { return host::has_ended(found->pidfd); }));
        EXPECT_EQ(end.reached(), kinds == signals);
    }
}

}  // namespace
}  // namespace vigil::commands
