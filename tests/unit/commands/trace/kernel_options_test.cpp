// SPDX-License-Identifier: Apache-2.0
// Options of the kernel side for the user's request.
#include <gtest/gtest.h>

#include <string_view>
#include <utility>
#include <vector>

#include "commands/parse.h"
#include "pipeline/kernel_filter.h"

namespace vigil::commands {
namespace {

using model::Kind;
using model::kind_bit;

vigil_filter filter_of(const cli::Arguments& arguments) {
    const auto options = kernel_options(good(arguments));
    EXPECT_TRUE(options);
    return options ? options->filter : vigil_filter{};
}

TEST(KernelOptions, Defaults) {
    const auto options = kernel_options(good({}));
    ASSERT_TRUE(options);
    EXPECT_EQ(options->ring_bytes, 8U << 20);
    const vigil_filter& filter = options->filter;
    EXPECT_EQ(filter.kinds, 0x1fU);
    EXPECT_EQ(filter.signals, model::default_signals());
    EXPECT_EQ(filter.flags, 0U);
    EXPECT_EQ(filter.pid | filter.sender | filter.target | filter.uid, 0U);
    EXPECT_EQ(std::string_view(filter.comm, sizeof filter.comm), std::string(16, '\0'));
}

TEST(KernelOptions, ConditionsAndFlags) {
    const vigil_filter filter = filter_of({"-p", "7", "--sender", "8", "--target", "9", "-u", "0",
                                           "--threads", "--ring-size", "64K", "-s", "KILL"});
    EXPECT_EQ(filter.pid, 7U);
    EXPECT_EQ(filter.sender, 8U);
    EXPECT_EQ(filter.target, 9U);
    EXPECT_EQ(filter.uid, 0U);
    EXPECT_EQ(filter.signals, model::signal_bit(9));
    EXPECT_EQ(filter.flags, uint32_t{VIGIL_FILTER_UID | VIGIL_FILTER_THREADS});
    EXPECT_EQ(kernel_options(good({"--ring-size", "64K"}))->ring_bytes, 65'536U);
}

// As the kernel side compares them: 0 ns of resolution means the pid alone.
TEST(KernelOptions, ProcessesHaveStartTimes) {
    TraceRequest request = good({"-p", "7", "--sender", "8", "--target", "9"});
    EXPECT_EQ(kernel_options(request)->filter.start_tick_ns, 0U);
    request.filter.pid = pipeline::WantedProcess{7, 70, 10};
    request.filter.sender = pipeline::WantedProcess{8, 80, 10};
    request.filter.target = pipeline::WantedProcess{9, 90, 10};
    const vigil_filter filter = kernel_options(request)->filter;
    EXPECT_EQ(filter.start_tick_ns, 10U);
    EXPECT_EQ(filter.pid_start_ns, 70U);
    EXPECT_EQ(filter.sender_start_ns, 80U);
    EXPECT_EQ(filter.target_start_ns, 90U);
    vigil_control control{};
    control.wanted = filter;
    pipeline::Filter pinned;
    pinned.signals = filter.signals;
    ASSERT_TRUE(pipeline::narrow_to(control, pinned));
    EXPECT_EQ(pinned.pid, request.filter.pid);
    EXPECT_EQ(pinned.sender, request.filter.sender);
    EXPECT_EQ(pinned.target, request.filter.target);
}

TEST(KernelOptions, CountsNetworkBytesOnlyOnRequest) {
    EXPECT_FALSE(kernel_options(good({}))->account_network);
    EXPECT_TRUE(kernel_options(good({"--network"}))->account_network);
}

TEST(KernelOptions, FollowsTheTreeOfAPidOrCommand) {
    EXPECT_EQ(filter_of({"--tree", "5"}).flags, uint32_t{VIGIL_FILTER_TREE});
    EXPECT_EQ(filter_of({"--", "ls"}).flags, uint32_t{VIGIL_FILTER_TREE});
}

TEST(KernelOptions, TruncatesCommToKernelLength) {
    const auto pinned = [](const char* name) {
        const auto parsed = parse_pin({"-c", name});
        return kernel_options(parsed.request.value())->filter;
    };
    const vigil_filter filter = pinned("sixteen-bytes-12");
    EXPECT_EQ(filter.flags, uint32_t{VIGIL_FILTER_COMM});
    EXPECT_EQ(std::string_view(filter.comm), "sixteen-bytes-1");
    EXPECT_EQ(std::string_view(pinned("ls").comm, 16), std::string("ls") + std::string(14, '\0'));
}

// An executable or a script has another name than the kernel compares.
TEST(KernelOptions, LetsAllThroughThatNamesAreTrackedBy) {
    const vigil_filter filter = filter_of({"-e", "signal", "-c", "ls", "-p", "7", "-u", "3"});
    EXPECT_EQ(filter.flags, 0U);
    EXPECT_EQ(filter.pid, 0U);
    EXPECT_EQ(filter.kinds, kind_bit(Kind::signal) | kind_bit(Kind::fork) | kind_bit(Kind::exec) |
                                kind_bit(Kind::exit));
}

TEST(KernelOptions, NamesNeedExecAndExit) {
    const uint32_t both = kind_bit(Kind::exec) | kind_bit(Kind::exit);
    EXPECT_EQ(filter_of({"-e", "fork", "-c", "ls"}).kinds, kind_bit(Kind::fork) | both);
    EXPECT_EQ(filter_of({"-o", "table"}).kinds, kind_bit(Kind::fork) | both);
    EXPECT_EQ(filter_of({"-e", "fork"}).kinds, kind_bit(Kind::fork));
    EXPECT_TRUE(needs_names(good({"-o", "table"})));
    EXPECT_TRUE(needs_names(good({"-c", "x"})));
    EXPECT_FALSE(needs_names(good({})));
    EXPECT_FALSE(needs_names(good({"-e", "exec", "-c", "x"})));
}

// The child's exec names a fork of -p's process; the kernel filter must pass it.
TEST(KernelOptions, NamesNeedExecsOfOtherPidsAndUsers) {
    for (const cli::Arguments& name :
         {cli::Arguments{"-o", "table"}, cli::Arguments{"-e", "fork", "-c", "x"}}) {
        cli::Arguments of_pid = name;
        of_pid.insert(of_pid.end(), {"-p", "7"});
        EXPECT_EQ(filter_of(of_pid).pid, 0U);
        cli::Arguments of_user = name;
        of_user.insert(of_user.end(), {"-u", "7"});
        EXPECT_EQ(filter_of(of_user).flags & VIGIL_FILTER_UID, 0U);
    }
}

vigil_control pinned_by(const cli::Arguments& arguments) {
    vigil_control control{};
    const ParsedTrace parsed = parse_pin(arguments);
    EXPECT_TRUE(parsed.request);
    const auto options = kernel_options(parsed.request.value_or(TraceRequest{}));
    EXPECT_TRUE(options);
    control.filter = options->filter;
    control.wanted = options->wanted;
    return control;
}

Result<TraceRequest> read_pinned(const cli::Arguments& pinned, cli::Arguments reader) {
    reader.insert(reader.begin(), "--pinned");
    return narrow_to_pinned(pinned_by(pinned), good(reader));
}

TEST(NarrowToPinned, RefusesWhatWasNotPinned) {
    const std::vector<std::pair<cli::Arguments, cli::Arguments>> beside{
        {{"-e", "exit"}, {"-e", "fork"}},
        {{"-s", "TERM"}, {"-s", "KILL"}},
        {{"-s", "TERM"}, {"-s", "TERM,KILL"}},
        {{}, {"-a"}},
        {{"-e", "exit"}, {"-s", "KILL"}},
        {{"-e", "exit"}, {"-a"}},
        {{"-p", "7"}, {"-p", "8"}},
        {{"--sender", "7"}, {"--sender", "8"}},
        {{"--target", "7"}, {"--target", "8"}},
        {{"-u", "7"}, {"-u", "8"}},
        {{"-e", "signal", "-c", "ls"}, {"-c", "cat"}},
        {{"-e", "signal", "-c", "ls"}, {"-c", "/bin/l?"}}};
    for (const auto& [pinned, reader] : beside) {
        const auto request = read_pinned(pinned, reader);
        ASSERT_FALSE(request) << ::testing::PrintToString(reader);
        EXPECT_EQ(request.error().code, ErrorCode::usage);
        EXPECT_NE(request.error().context.find("pinned"), std::string::npos)
            << request.error().context;
    }
}

TEST(NarrowToPinned, KeepsWhatWasPinned) {
    const uint64_t term = model::signal_bit(15);
    EXPECT_EQ(read_pinned({"-s", "TERM,KILL"}, {"-s", "TERM"})->filter.signals, term);
    EXPECT_EQ(read_pinned({"-s", "TERM"}, {})->filter.signals, term);
    EXPECT_EQ(read_pinned({"-a"}, {})->filter.signals, model::all_signals) << "SIGCHLD too";
    EXPECT_EQ(read_pinned({"-p", "7"}, {"-p", "7"})->filter.pid->pid, 7U);
    EXPECT_EQ(read_pinned({"-p", "7"}, {"--sender", "8"})->filter.pid->pid, 7U);
    EXPECT_EQ(read_pinned({"-u", "7"}, {"-u", "7"})->filter.uid, 7U);
    EXPECT_EQ(read_pinned({"-u", "7"}, {})->filter.uid, 7U);
    EXPECT_EQ(read_pinned({"-c", "sixteen-bytes-12"}, {"-c", "sixteen-bytes-13"})->filter.comm,
              "sixteen-bytes-1");
}

// A reader has no --failed: it shows what was pinned.
TEST(NarrowToPinned, SenderAndTargetSelectFailedKillsToo) {
    const uint32_t failed = kind_bit(Kind::kill_failed);
    const uint32_t both = failed | kind_bit(Kind::signal);
    for (const char* option : {"--sender", "--target"}) {
        const cli::Arguments reader{option, "7"};
        EXPECT_EQ(read_pinned({"-e", "signal,exit", "--failed"}, reader)->filter.kinds, both);
        EXPECT_EQ(read_pinned({"-e", "exit", "--failed"}, reader)->filter.kinds, failed);
        EXPECT_EQ(read_pinned({}, reader)->filter.kinds, kind_bit(Kind::signal));
        EXPECT_FALSE(read_pinned({"-e", "exit"}, reader));
    }
    EXPECT_EQ(read_pinned({"--failed"}, {"-e", "signal", "--target", "7"})->filter.kinds,
              kind_bit(Kind::signal));
}

// A script has the comm of its interpreter.
TEST(NarrowToPinned, NamesHoldTogetherWithThePinnedComm) {
    for (const char* name : {"backup.py", "/usr/bin/python3", "python3", "back*"}) {
        const auto request = read_pinned({"-c", "python3"}, {"-c", name});
        ASSERT_TRUE(request) << request.error().context;
        EXPECT_EQ(request->filter.comm, "python3");
        EXPECT_EQ(request->filter.name, name);
    }
    const auto by_comm = read_pinned({"-e", "signal", "-c", "python3"}, {"-c", "pyth*"});
    ASSERT_TRUE(by_comm) << by_comm.error().context;
    EXPECT_EQ(by_comm->filter.comm, "python3");
}

TEST(KernelOptions, RejectsAnUnknownCgroup) {
    const auto options = kernel_options(good({"--cgroup", "no/such/group"}));
    ASSERT_FALSE(options);
    EXPECT_NE(options.error().code, ErrorCode::failed);
}

}  // namespace
}  // namespace vigil::commands
