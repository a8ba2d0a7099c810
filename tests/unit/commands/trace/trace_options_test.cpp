// SPDX-License-Identifier: Apache-2.0
// Every option with valid values. Invalid ones: trace_options_bad_test.cpp.
#include "commands/trace/trace_options.h"

#include <gtest/gtest.h>
#include <pwd.h>

#include <csignal>

#include "commands/parse.h"

namespace vigil::commands {
namespace {

using model::Kind;
using model::kind_bit;
using model::signal_bit;

constexpr model::KindSet all_kinds = kind_bit(Kind::fork) | kind_bit(Kind::exec) |
                                     kind_bit(Kind::exit) | kind_bit(Kind::signal) |
                                     kind_bit(Kind::oom);

TEST(TraceOptions, Defaults) {
    const TraceRequest request = good({});
    EXPECT_EQ(request.filter.kinds, all_kinds);
    EXPECT_EQ(request.filter.signals, model::default_signals());
    EXPECT_FALSE(request.filter.pid || request.filter.sender || request.filter.target ||
                 request.filter.uid || request.filter.comm || request.filter.name ||
                 request.filter.sent_only);
    EXPECT_FALSE(request.threads || request.network || request.tree || request.cgroup ||
                 request.pinned || request.legacy_output || request.duration_ns || request.count ||
                 request.ring_size_given);
    EXPECT_EQ(request.ring_bytes, 8U << 20);
    EXPECT_EQ(request.format, Format::text);
    EXPECT_TRUE(request.command.empty());
}

TEST(TraceOptions, Kinds) {
    EXPECT_EQ(good({"-e", "fork"}).filter.kinds, kind_bit(Kind::fork));
    EXPECT_EQ(good({"-e", "fork,exec"}).filter.kinds, kind_bit(Kind::fork) | kind_bit(Kind::exec));
    EXPECT_EQ(good({"-e", "fork", "-e", "oom"}).filter.kinds,
              kind_bit(Kind::fork) | kind_bit(Kind::oom));
    EXPECT_EQ(good({"--events", "fork,exec,exit,signal,oom"}).filter.kinds, all_kinds);
    EXPECT_EQ(good({"--events=exit"}).filter.kinds, kind_bit(Kind::exit));
    EXPECT_EQ(good({"-eexit"}).filter.kinds, kind_bit(Kind::exit));
    EXPECT_EQ(good({"-e", "fork,fork"}).filter.kinds, kind_bit(Kind::fork));
}

TEST(TraceOptions, Signals) {
    for (const char* text : {"15", "TERM", "SIGTERM", "sigterm"}) {
        EXPECT_EQ(good({"-s", text}).filter.signals, signal_bit(SIGTERM)) << text;
    }
    EXPECT_EQ(good({"-s", "RTMIN+3"}).filter.signals, signal_bit(37));
    EXPECT_EQ(good({"-s", "TERM", "-s", "9"}).filter.signals,
              signal_bit(SIGTERM) | signal_bit(SIGKILL));
    EXPECT_EQ(good({"--signals", "TERM,KILL"}).filter.signals,
              signal_bit(SIGTERM) | signal_bit(SIGKILL));
    EXPECT_EQ(good({"-s", "CHLD"}).filter.signals, signal_bit(SIGCHLD));
    EXPECT_EQ(good({"-a"}).filter.signals, model::all_signals);
    EXPECT_EQ(good({"--all-signals"}).filter.signals, model::all_signals);
    EXPECT_EQ(good({"-s", "TERM"}).filter.kinds, all_kinds);
}

TEST(TraceOptions, Pids) {
    EXPECT_EQ(good({"-p", "1"}).filter.pid->pid, 1U);
    EXPECT_EQ(good({"--pid", "4194304"}).filter.pid->pid, 4'194'304U);
    EXPECT_EQ(good({"--tree", "42"}).tree, 42U);
    EXPECT_EQ(good({"--sender", "5"}).filter.sender->pid, 5U);
    EXPECT_EQ(good({"--target", "6"}).filter.target->pid, 6U);
}

TEST(TraceOptions, SenderAndTargetMeanSignals) {
    EXPECT_EQ(good({"--sender", "5"}).filter.kinds, kind_bit(Kind::signal));
    EXPECT_EQ(good({"--target", "5"}).filter.kinds, kind_bit(Kind::signal));
    EXPECT_EQ(good({"--target", "5", "-e", "exit,signal"}).filter.kinds,
              kind_bit(Kind::exit) | kind_bit(Kind::signal));
}

TEST(TraceOptions, CommUserCgroup) {
    EXPECT_EQ(good({"-c", "ls"}).filter.name, "ls");
    EXPECT_EQ(good({"--comm", "with space"}).filter.name, "with space");
    EXPECT_EQ(good({"-u", "0"}).filter.uid, 0U);
    EXPECT_EQ(good({"--user", "1000"}).filter.uid, 1000U);
    EXPECT_EQ(good({"-u", "4294967294"}).filter.uid, 4'294'967'294U);
    if (const passwd* root = ::getpwuid(0)) {
        EXPECT_EQ(good({"-u", root->pw_name}).filter.uid, 0U);
    }
    EXPECT_EQ(good({"--cgroup", "/user.slice"}).cgroup, "/user.slice");
}

TEST(TraceOptions, Switches) {
    EXPECT_TRUE(good({"--threads"}).threads);
    EXPECT_TRUE(good({"--network"}).network);
    EXPECT_TRUE(good({"--pinned"}).pinned);
    EXPECT_EQ(good({"--failed"}).filter.kinds, all_kinds | kind_bit(Kind::kill_failed));
    EXPECT_EQ(good({"--failed", "-e", "fork"}).filter.kinds,
              kind_bit(Kind::fork) | kind_bit(Kind::kill_failed));
}

TEST(TraceOptions, Formats) {
    EXPECT_EQ(good({"-o", "text"}).format, Format::text);
    EXPECT_EQ(good({"-o", "json"}).format, Format::json);
    EXPECT_EQ(good({"--output", "none"}).format, Format::none);
    const TraceRequest table = good({"-o", "table"});
    EXPECT_EQ(table.format, Format::table);
    EXPECT_EQ(table.filter.kinds, kind_bit(Kind::fork));
    EXPECT_EQ(good({"-e", "fork", "-o", "table"}).format, Format::table);
}

TEST(TraceOptions, Ends) {
    EXPECT_EQ(good({"-d", "10s"}).duration_ns, 10'000'000'000U);
    EXPECT_EQ(good({"--duration", "1.5m"}).duration_ns, 90'000'000'000U);
    EXPECT_EQ(good({"-n", "1"}).count, 1U);
    EXPECT_EQ(good({"--count", "18446744073709551615"}).count, UINT64_MAX);
}

TEST(TraceOptions, RingSize) {
    EXPECT_EQ(good({"--ring-size", "64K"}).ring_bytes, 65'536U);
    EXPECT_TRUE(good({"--ring-size", "64K"}).ring_size_given);
    EXPECT_EQ(good({"--ring-size", "4K"}).ring_bytes, 4'096U);
    EXPECT_EQ(good({"--ring-size", "1G"}).ring_bytes, 1U << 30);
}

TEST(TraceOptions, CommandKeepsItsOwnOptions) {
    const TraceRequest request = good({"-o", "json", "--", "ls", "-l", "--", "-p"});
    EXPECT_EQ(request.format, Format::json);
    EXPECT_EQ(request.command, (std::vector<std::string>{"ls", "-l", "--", "-p"}));
    EXPECT_FALSE(request.filter.pid);
    EXPECT_EQ(good({"--", "true"}).command, std::vector<std::string>{"true"});
    EXPECT_EQ(good({"-e", "fork", "--", "exec"}).filter.kinds, kind_bit(Kind::fork));
    EXPECT_EQ(good({"-s", "TERM", "--", ""}).command, std::vector<std::string>{""});
}

TEST(TraceOptions, CombinedOptions) {
    const TraceRequest request =
        good({"-e", "exit,signal", "-s",       "KILL", "-p",     "7", "-c",          "x",
              "-u", "3",           "--cgroup", "g",    "--tree", "9", "--threads",   "--failed",
              "-o", "json",        "-d",       "1h",   "-n",     "5", "--ring-size", "1M"});
    EXPECT_EQ(request.filter.kinds,
              kind_bit(Kind::exit) | kind_bit(Kind::signal) | kind_bit(Kind::kill_failed));
    EXPECT_EQ(request.filter.signals, signal_bit(SIGKILL));
    EXPECT_EQ(request.filter.pid->pid, 7U);
    EXPECT_EQ(request.filter.name, "x");
    EXPECT_EQ(request.filter.uid, 3U);
    EXPECT_EQ(request.cgroup, "g");
    EXPECT_EQ(request.tree, 9U);
    EXPECT_TRUE(request.threads);
    EXPECT_EQ(request.count, 5U);
    EXPECT_EQ(request.ring_bytes, 1U << 20);
}

TEST(TraceOptions, HelpExitsWithZero) {
    for (const char* option : {"-h", "--help"}) {
        ::testing::internal::CaptureStdout();
        const ParsedTrace parsed = parse_trace({option});
        const std::string output = ::testing::internal::GetCapturedStdout();
        EXPECT_FALSE(parsed.request);
        EXPECT_EQ(parsed.exit_code, 0);
        for (const char* name :
             {"--events",    "--signals", "--all-signals", "--pid",      "--sender",
              "--target",    "--comm",    "--user",        "--cgroup",   "--tree",
              "--threads",   "--failed",  "--output",      "--duration", "--count",
              "--ring-size", "--network", "--pinned",      "Examples:",  "Exit codes:"}) {
            EXPECT_NE(output.find(name), std::string::npos) << name;
        }
    }
}

TEST(TraceOptions, PinAcceptsFilterAndRingOptions) {
    const ParsedTrace parsed = parse_pin({"-e", "fork,exit", "--ring-size", "64M", "--threads",
                                          "--failed", "--tree", "5", "--cgroup", "g", "-u", "0"});
    ASSERT_TRUE(parsed.request);
    EXPECT_EQ(parsed.request->ring_bytes, 64U << 20);
    EXPECT_TRUE(parsed.request->threads);
    EXPECT_EQ(parsed.request->tree, 5U);
    EXPECT_FALSE(parsed.request->pinned);
    EXPECT_EQ(parse_pin({}).request->filter.kinds, all_kinds);
}

}  // namespace
}  // namespace vigil::commands
