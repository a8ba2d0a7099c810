// SPDX-License-Identifier: Apache-2.0
// Every field of every kind of record. Invalid records: decode_broken_test.cpp.
#include "capture/decode.h"

#include <gtest/gtest.h>

#include <csignal>

#include "support/records.h"

namespace vigil::capture {
namespace {

using namespace std::string_view_literals;
using model::Kind;
using test::Bytes;
using test::bytes_of;

constexpr DecodeContext context{.unix_minus_boot_ns = 1'000, .page_bytes = 4096, .cpu_count = 8};

template <class Body>
Body body_of(const Bytes& record, const DecodeContext& in = context) {
    const auto event = decode(record, in);
    if (!event || !std::holds_alternative<Body>(event->body)) {
        ADD_FAILURE() << "does not decode";
        return {};
    }
    return std::get<Body>(event->body);
}

TEST(Decode, TheHeaderOfEveryKind) {
    const auto records = test::one_of_each();
    for (size_t kind = 0; kind < records.size(); kind++) {
        const auto event = decode(records[kind], context);
        ASSERT_TRUE(event) << kind;
        EXPECT_EQ(event->kind, static_cast<Kind>(kind));
        EXPECT_EQ(event->body.index(), kind);
        EXPECT_EQ(event->cpu, 3);
        EXPECT_EQ(event->sequence, 77U);
        EXPECT_EQ(event->boot_ns, 5'000'000'000U);
        EXPECT_EQ(event->unix_ns, 5'000'001'000);
        const model::Process& process = event->process;
        EXPECT_EQ(process.pid, 5678U);
        EXPECT_EQ(process.tid, 5679U);
        EXPECT_EQ(process.ppid, 1234U);
        EXPECT_EQ(process.uid, 1000U);
        EXPECT_EQ(process.gid, 100U);
        EXPECT_EQ(process.pidns_level, 2);
        EXPECT_EQ(process.start_ns, 3'500'000'000U);
        EXPECT_EQ(process.cgroup_id, 0x1'0000'0042U);
        EXPECT_EQ(process.comm.view(), "myapp");
    }
}

TEST(Decode, AStreamIsALaneOfACpu) {
    Bytes record = bytes_of(test::fork_record());
    test::patch_header(record, &vigil_header::stream, 2 * 4 + 3);
    const auto event = decode(record, {.cpu_count = 4, .lane_count = 4});
    ASSERT_TRUE(event);
    EXPECT_EQ(event->cpu, 3);
    EXPECT_EQ(event->sequence, 77U * 4 + 2);
    const auto position = record_position(record);
    ASSERT_TRUE(position);
    EXPECT_EQ(position->stream, 11);
    EXPECT_EQ(position->kind, Kind::fork);
    EXPECT_EQ(position->sequence, 77U);
    EXPECT_EQ(position->boot_ns, 5'000'000'000U);
}

TEST(Decode, Fork) {
    auto record = test::fork_record();
    EXPECT_EQ(body_of<model::Fork>(bytes_of(record)).parent_start_ns, 1'250'000'000U);
    EXPECT_FALSE(body_of<model::Fork>(bytes_of(record)).thread);
    record.header.flags = VIGIL_FLAG_THREAD;
    EXPECT_TRUE(body_of<model::Fork>(bytes_of(record)).thread);
}

TEST(Decode, Exec) {
    const Bytes record = test::exec_record("/bin/ls", "ls\0-l\0"sv);
    const auto exec = body_of<model::Exec>(record);
    EXPECT_EQ(exec.file, "/bin/ls");
    ASSERT_TRUE(exec.argv);
    EXPECT_EQ(*exec.argv, "ls\0-l\0"sv);
    EXPECT_FALSE(exec.argv_truncated);
    EXPECT_EQ(exec.argc, 2U);
    EXPECT_EQ(exec.argv_bytes, 6U);
    EXPECT_EQ(exec.old_tid, 5680U);
}

TEST(Decode, ExecWithMoreArgumentsThanWereCopied) {
    const std::string argv(VIGIL_ARGV_MAX, 'a');
    const Bytes record = test::exec_record("/bin/x", argv, 131'072);
    const auto exec = body_of<model::Exec>(record);
    EXPECT_TRUE(exec.argv_truncated);
    EXPECT_EQ(exec.argv_bytes, 131'072U);
    EXPECT_EQ(exec.argv->size(), size_t{VIGIL_ARGV_MAX});
}

TEST(Decode, ExecWithUnreadableArgumentsHasNone) {
    Bytes record = test::exec_record("/bin/x", "", 100);
    test::patch_header(record, &vigil_header::flags, VIGIL_FLAG_ARGV_UNREADABLE);
    const auto exec = body_of<model::Exec>(record);
    EXPECT_EQ(exec.file, "/bin/x");
    EXPECT_FALSE(exec.argv.has_value());
    EXPECT_FALSE(exec.argv_truncated);
}

TEST(Decode, ExecWithNothing) {
    const Bytes record = test::exec_record("", "");
    const auto exec = body_of<model::Exec>(record);
    EXPECT_EQ(exec.file, "");
    ASSERT_TRUE(exec.argv);
    EXPECT_EQ(*exec.argv, "");
}

TEST(Decode, ExitOfAProcess) {
    auto record = test::exit_record();
    record.user_ticks_ns = 3'000'000;
    record.system_ticks_ns = 1'000'000;
    record.usage.runtime_ns = 8'000'000;
    record.peak_rss_pages = 100;
    record.usage.read_bytes = 1;
    record.usage.write_bytes = 2;
    record.usage.sent_bytes = 7;
    record.usage.received_bytes = 8;
    record.voluntary_switches = 3;
    record.involuntary_switches = 4;
    record.minor_faults = 5;
    record.major_faults = 6;
    record.status = 0x300;
    record.threads = 9;
    record.login_uid = 1001;
    record.tracer_pid = 77;
    const auto exit = body_of<model::Exit>(bytes_of(record));
    EXPECT_FALSE(exit.thread);
    EXPECT_EQ(exit.status, 0x300U);
    EXPECT_EQ(exit.code(), 3);
    EXPECT_EQ(exit.lifetime_ns, 1'500'000'000U);
    EXPECT_EQ(exit.cpu_ns, 8'000'000U);
    EXPECT_EQ(exit.cpu_user_ns, 6'000'000U);
    EXPECT_EQ(exit.cpu_system_ns, 2'000'000U);
    EXPECT_FALSE(exit.usage_partial);
    EXPECT_EQ(exit.peak_rss_bytes, 409'600U);
    EXPECT_FALSE(exit.peak_rss_at_most);
    EXPECT_EQ(exit.read_bytes, 1U);
    EXPECT_EQ(exit.write_bytes, 2U);
    EXPECT_EQ(exit.sent_bytes, 7U);
    EXPECT_EQ(exit.received_bytes, 8U);
    EXPECT_EQ(exit.voluntary_switches, 3U);
    EXPECT_EQ(exit.involuntary_switches, 4U);
    EXPECT_EQ(exit.minor_faults, 5U);
    EXPECT_EQ(exit.major_faults, 6U);
    EXPECT_EQ(exit.threads, 9U);
    EXPECT_EQ(exit.login_uid, 1001U);
    EXPECT_EQ(exit.tracer_pid, 77U);
    EXPECT_EQ(body_of<model::Exit>(bytes_of(record), {.page_bytes = 65'536}).peak_rss_bytes,
              6'553'600U);
}

TEST(Decode, CancelledBytesAreNotWritten) {
    auto record = test::exit_record();
    record.usage.write_bytes = 100;
    record.usage.cancelled_bytes = 60;
    EXPECT_EQ(body_of<model::Exit>(bytes_of(record)).write_bytes, 40U);
    record.usage.cancelled_bytes = 101;
    EXPECT_EQ(body_of<model::Exit>(bytes_of(record)).write_bytes, 0U) << "another's pages";
}

TEST(Decode, RunningThreadsAreChargedUntilTheRecord) {
    constexpr uint64_t ms = 1'000'000;
    constexpr uint64_t second = 1'000 * ms;
    // The scheduler's clock is 7 s behind CLOCK_MONOTONIC, which was 100 s when they were compared.
    const ClockOffset offset{.compared_ns = 100 * second,
                             .monotonic_minus_clock_ns = 7 * int64_t{second}};
    vigil_usage usage{};
    usage.runtime_ns = 10 * ms;
    usage.monotonic_ns = 101 * second;
    usage.running = 2;
    usage.clocks_ns = 2 * 94 * second - 5 * ms;  // one is 2 ms old, one 3 ms
    EXPECT_EQ(cpu_time_ns(usage, offset), 15 * ms);
    EXPECT_EQ(cpu_time_ns(usage, std::nullopt), 10 * ms);
    usage.monotonic_ns = 106 * second;
    usage.clocks_ns = 2 * 99 * second - 5 * ms;
    EXPECT_EQ(cpu_time_ns(usage, offset), 10 * ms) << "compared too long ago";
    usage.monotonic_ns = 99 * second;
    usage.clocks_ns = 2 * 92 * second - 5 * ms;
    EXPECT_EQ(cpu_time_ns(usage, offset), 15 * ms) << "before the comparison";
    usage.clocks_ns = 2 * 92 * second + ms;
    EXPECT_EQ(cpu_time_ns(usage, offset), 10 * ms) << "a clock is never ahead";
    usage.running = 0;
    usage.clocks_ns = 0;
    EXPECT_EQ(cpu_time_ns(usage, offset), 10 * ms) << "none was running";
}

TEST(Decode, ExitFlags) {
    auto record = test::exit_record();
    record.peak_rss_pages = 7;
    record.threads = 2;
    record.header.flags = VIGIL_FLAG_PEAK_AT_MOST | VIGIL_FLAG_USAGE_PARTIAL;
    auto exit = body_of<model::Exit>(bytes_of(record));
    EXPECT_TRUE(exit.peak_rss_at_most);
    EXPECT_TRUE(exit.usage_partial);
    EXPECT_EQ(exit.threads, 2U);
    record.header.flags = VIGIL_FLAG_THREADS_UNKNOWN;
    EXPECT_FALSE(body_of<model::Exit>(bytes_of(record)).threads.has_value());
    record.header.flags = VIGIL_FLAG_THREAD;
    exit = body_of<model::Exit>(bytes_of(record));
    EXPECT_TRUE(exit.thread);
    EXPECT_FALSE(exit.peak_rss_bytes.has_value());
    record.header.flags = VIGIL_FLAG_STORAGE_UNKNOWN;
    exit = body_of<model::Exit>(bytes_of(record));
    EXPECT_FALSE(exit.read_bytes.has_value());
    EXPECT_FALSE(exit.write_bytes.has_value());
    EXPECT_TRUE(exit.sent_bytes.has_value());
    record.header.flags = VIGIL_FLAG_NETWORK_UNKNOWN;
    exit = body_of<model::Exit>(bytes_of(record));
    EXPECT_FALSE(exit.sent_bytes.has_value());
    EXPECT_FALSE(exit.received_bytes.has_value());
    EXPECT_TRUE(exit.read_bytes.has_value());
}

TEST(Decode, CpuTimeIsDividedByTicksAndAddsUp) {
    const uint64_t ticks[][2] = {
        {0, 0}, {1, 0}, {0, 1}, {1, 1}, {1, 2}, {4'000'000, 1}, {UINT64_MAX / 2, UINT64_MAX / 2}};
    for (const auto& [user, system] : ticks) {
        for (const uint64_t runtime :
             {uint64_t{0}, uint64_t{1}, uint64_t{999'999'999}, uint64_t{1} << 60}) {
            auto record = test::exit_record();
            record.user_ticks_ns = user;
            record.system_ticks_ns = system;
            record.usage.runtime_ns = runtime;
            const auto exit = body_of<model::Exit>(bytes_of(record));
            EXPECT_EQ(exit.cpu_user_ns + exit.cpu_system_ns, runtime);
            EXPECT_LE(exit.cpu_user_ns, runtime);
            if (system == 0) {
                EXPECT_EQ(exit.cpu_user_ns, runtime);
            } else if (user == 0) {
                EXPECT_EQ(exit.cpu_user_ns, 0U);
            }
        }
    }
}

TEST(Decode, AnExitBeforeItsStartHasNoLifetime) {
    auto record = test::exit_record();
    record.header.start_ns = record.header.time_ns + 1;
    EXPECT_EQ(body_of<model::Exit>(bytes_of(record)).lifetime_ns, 0U);
}

TEST(Decode, AFaultAtTheStackPointer) {
    auto record = test::signal_record(SIGSEGV);
    record.code = 1;
    record.context = VIGIL_CONTEXT_SELF | VIGIL_CONTEXT_OWN_SIGINFO;
    EXPECT_FALSE(body_of<model::Signal>(bytes_of(record)).near_stack);
    record.context |= VIGIL_CONTEXT_NEAR_STACK;
    EXPECT_TRUE(body_of<model::Signal>(bytes_of(record)).near_stack);
}

TEST(Decode, SignalFromAProcess) {
    auto record = test::signal_record(SIGTERM);
    record.code = SI_USER;
    record.context = VIGIL_CONTEXT_GROUP;
    record.result = 2;
    const auto signal = body_of<model::Signal>(bytes_of(record));
    EXPECT_EQ(signal.number, 15);
    EXPECT_EQ(signal.code, 0);
    EXPECT_TRUE(signal.process_wide);
    EXPECT_EQ(signal.source, model::SignalSource::user);
    EXPECT_EQ(signal.result, model::SignalResult::already_pending);
    ASSERT_TRUE(signal.sender);
    EXPECT_EQ(signal.sender->pid, 1234U);
    EXPECT_EQ(signal.sender->tid, 1235U);
    EXPECT_EQ(signal.sender->uid, 1001U);
    EXPECT_EQ(signal.sender->start_ns, 1'250'000'000U);
    EXPECT_EQ(signal.sender->comm.view(), "bash");
}

TEST(Decode, SignalFromTheKernelHasNoSender) {
    auto record = test::signal_record(SIGKILL);
    record.origin = VIGIL_ORIGIN_PRIV;
    auto signal = body_of<model::Signal>(bytes_of(record));
    EXPECT_EQ(signal.source, model::SignalSource::kernel);
    EXPECT_EQ(signal.code, SI_KERNEL);
    EXPECT_FALSE(signal.sender.has_value());
    EXPECT_FALSE(signal.process_wide);
    signal = body_of<model::Signal>(bytes_of(record), {.oom_follows = true});
    EXPECT_EQ(signal.source, model::SignalSource::oom);
}

TEST(Decode, SignalToInitIsNotFromATerminal) {
    auto record = test::signal_record(SIGINT);
    record.origin = VIGIL_ORIGIN_PRIV;
    EXPECT_EQ(body_of<model::Signal>(bytes_of(record)).source, model::SignalSource::terminal);
    record.header.pid = 1;
    EXPECT_EQ(body_of<model::Signal>(bytes_of(record)).source, model::SignalSource::kernel);
}

TEST(Decode, Oom) {
    auto record = test::oom_record();
    auto oom = body_of<model::Oom>(bytes_of(record));
    EXPECT_EQ(oom.rss_bytes, 4'096'000U);
    EXPECT_EQ(oom.score_adjust, -17);
    EXPECT_EQ(oom.trigger_pid, 99U);
    EXPECT_EQ(oom.trigger_comm.view(), "hungry");
    record.rss_pages = ~__u64{0};
    EXPECT_FALSE(body_of<model::Oom>(bytes_of(record)).rss_bytes.has_value());
    record.rss_pages = 0;
    EXPECT_EQ(body_of<model::Oom>(bytes_of(record)).rss_bytes, 0U);
}

TEST(Decode, KillFailed) {
    auto record = test::kill_failed_record();
    record.target = -1;
    record.target_tid = 55;
    auto failed = body_of<model::KillFailed>(bytes_of(record));
    EXPECT_EQ(failed.syscall, model::KillSyscall::kill);
    EXPECT_EQ(failed.target, -1);
    EXPECT_FALSE(failed.target_tid.has_value());
    EXPECT_EQ(failed.number, 15);
    EXPECT_EQ(failed.error, 3);
    record.syscall = VIGIL_SYSCALL_TKILL;
    failed = body_of<model::KillFailed>(bytes_of(record));
    EXPECT_EQ(failed.syscall, model::KillSyscall::tkill);
    EXPECT_EQ(failed.target_tid, 55);
    record.syscall = VIGIL_SYSCALL_TGKILL;
    EXPECT_EQ(body_of<model::KillFailed>(bytes_of(record)).syscall, model::KillSyscall::tgkill);
    record.syscall = VIGIL_SYSCALL_RT_SIGQUEUEINFO;
    failed = body_of<model::KillFailed>(bytes_of(record));
    EXPECT_EQ(failed.target, -1);
    EXPECT_FALSE(failed.target_tid.has_value());
    record.syscall = VIGIL_SYSCALL_RT_TGSIGQUEUEINFO;
    EXPECT_EQ(body_of<model::KillFailed>(bytes_of(record)).target_tid, 55);
    record.syscall = VIGIL_SYSCALL_PIDFD_SEND_SIGNAL;
    record.target = 7;
    EXPECT_EQ(body_of<model::KillFailed>(bytes_of(record)).target, 7);
    record.target = 0;
    failed = body_of<model::KillFailed>(bytes_of(record));
    EXPECT_FALSE(failed.target.has_value()) << "unknown";
    EXPECT_FALSE(failed.target_tid.has_value());
}

TEST(Decode, KillsByTheKernel) {
    auto record = test::signal_record(SIGKILL);
    record.origin = VIGIL_ORIGIN_PRIV;
    EXPECT_EQ(killed_by_kernel(bytes_of(record)).value().pid, 5678U);
    record.origin = VIGIL_ORIGIN_NOINFO;
    EXPECT_FALSE(killed_by_kernel(bytes_of(record)).has_value());
    record.origin = VIGIL_ORIGIN_PRIV;
    record.number = SIGTERM;
    EXPECT_FALSE(killed_by_kernel(bytes_of(record)).has_value());
    EXPECT_FALSE(killed_by_kernel(bytes_of(test::fork_record())).has_value());
    EXPECT_EQ(oom_victim(bytes_of(test::oom_record())).value().pid, 5678U);
    EXPECT_FALSE(oom_victim(bytes_of(test::signal_record(9))).has_value());
}

}  // namespace
}  // namespace vigil::capture
