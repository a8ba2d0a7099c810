// SPDX-License-Identifier: Apache-2.0
#include "capture/decode.h"

#include <linux/types.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "abi/records.h"
#include "base/clock.h"

namespace vigil::capture {
namespace {

using model::Event;
using model::Kind;

// A record of constant size, copied because the ring's data need not be aligned for it.
template <class Record>
std::optional<Record> fixed(std::span<const std::byte> bytes) {
    if (bytes.size() != sizeof(Record)) {
        return std::nullopt;
    }
    Record record;
    std::memcpy(&record, bytes.data(), sizeof record);
    return record;
}

std::optional<vigil_header> header_of(std::span<const std::byte> bytes) {
    vigil_header header;
    if (bytes.size() < sizeof header) {
        return std::nullopt;
    }
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.size != bytes.size() || header.kind >= model::kernel_kind_count) {
        return std::nullopt;
    }
    return header;
}

model::Comm comm_of(const char (&bytes)[VIGIL_COMM_LENGTH]) {
    model::Comm comm;
    std::memcpy(comm.bytes.data(), bytes, sizeof bytes);
    return comm;
}

bool has_flag(const vigil_header& header, int flag) { return (header.flags & flag) != 0; }

ProcessAt process_at(const vigil_header& header) {
    return {header.pid, header.start_ns, header.time_ns};
}

void fill_event(Event& event, const vigil_header& header, const DecodeContext& context) {
    event.kind = static_cast<Kind>(header.kind);
    event.cpu = static_cast<uint16_t>(header.stream % context.cpu_count);
    // Each lane numbers its records itself: the lane is folded in to make the number unique per
    // CPU.
    event.sequence = header.sequence * context.lane_count +
                     (context.lane_count > 1 ? header.stream / context.cpu_count : 0);
    event.boot_ns = header.time_ns;
    event.unix_ns = to_unix_ns(header.time_ns, context.unix_minus_boot_ns);
    event.process = {
        .pid = header.pid,
        .tid = header.tid,
        .ppid = header.ppid,
        .uid = header.uid,
        .gid = header.gid,
        .pidns_level = header.pidns_level,
        .start_ns = header.start_ns,
        .cgroup_id = header.cgroup_id,
        .comm = comm_of(header.comm),
    };
}

model::Fork fork_of(const vigil_fork& record) {
    return {has_flag(record.header, VIGIL_FLAG_THREAD), record.parent_start_ns};
}

uint64_t written_bytes(const vigil_usage& usage) {
    return usage.write_bytes - std::min(usage.write_bytes, usage.cancelled_bytes);
}

model::Counters counters_of(const vigil_header& header, const vigil_usage& usage,
                            const DecodeContext& context) {
    model::Counters counters;
    counters.cpu_ns = cpu_time_ns(usage, context.clock_offset);
    if (!has_flag(header, VIGIL_FLAG_STORAGE_UNKNOWN)) {
        counters.read_bytes = usage.read_bytes;
        counters.write_bytes = written_bytes(usage);
    }
    if (!has_flag(header, VIGIL_FLAG_NETWORK_UNKNOWN)) {
        counters.sent_bytes = usage.sent_bytes;
        counters.received_bytes = usage.received_bytes;
    }
    return counters;
}

std::optional<model::Exec> exec_of(std::span<const std::byte> bytes, const DecodeContext& context) {
    constexpr size_t fixed_size = offsetof(vigil_exec, data);
    if (bytes.size() < fixed_size) {
        return std::nullopt;
    }
    vigil_exec record;  // its data member stays unused: the strings are read in place
    std::memcpy(&record, bytes.data(), fixed_size);
    const std::span rest = bytes.subspan(fixed_size);
    const size_t names_length = size_t{record.file_length} + record.executable_length;
    if (names_length + record.argv_length != rest.size()) {
        return std::nullopt;
    }
    const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
    model::Exec exec;
    exec.file = text.substr(0, record.file_length);
    if (record.executable_length > 0) {
        exec.executable = text.substr(record.file_length, record.executable_length);
    }
    if (!has_flag(record.header, VIGIL_FLAG_ARGV_UNREADABLE)) {
        exec.argv = text.substr(names_length);
        exec.argv_truncated = record.argv_bytes > record.argv_length;
    }
    exec.argc = record.argc;
    exec.argv_bytes = record.argv_bytes;
    exec.old_tid = record.old_tid;
    exec.counters = counters_of(record.header, record.usage, context);
    return exec;
}

// Splits exact CPU time in the proportion of the sampled ticks, as the kernel's cputime_adjust()
// does for /proc and wait4.
uint64_t user_part_ns(const vigil_exit& record, uint64_t cpu_ns) {
    using Wide = unsigned __int128;
    const Wide user = record.user_ticks_ns;
    const Wide total = user + record.system_ticks_ns;
    // No tick was sampled: the kernel then counts all as user time.
    return total == 0 ? cpu_ns : static_cast<uint64_t>(Wide{cpu_ns} * user / total);
}

model::Exit exit_of(const vigil_exit& record, const DecodeContext& context) {
    const vigil_header& header = record.header;
    model::Exit exit;
    exit.thread = has_flag(header, VIGIL_FLAG_THREAD);
    exit.status = record.status;
    exit.lifetime_ns = header.time_ns - std::min<uint64_t>(header.time_ns, header.start_ns);
    const model::Counters counters = counters_of(header, record.usage, context);
    exit.cpu_ns = *counters.cpu_ns;
    exit.cpu_user_ns = user_part_ns(record, exit.cpu_ns);
    exit.cpu_system_ns = exit.cpu_ns - exit.cpu_user_ns;
    exit.usage_partial = has_flag(header, VIGIL_FLAG_USAGE_PARTIAL);
    if (!exit.thread) {
        // 0: the memory was the parent's, or the counter has not been updated yet.
        if (record.peak_rss_pages != 0) {
            exit.peak_rss_bytes = record.peak_rss_pages * context.page_bytes;
        }
        exit.peak_rss_at_most = has_flag(header, VIGIL_FLAG_PEAK_AT_MOST);
    }
    exit.read_bytes = counters.read_bytes;
    exit.write_bytes = counters.write_bytes;
    exit.sent_bytes = counters.sent_bytes;
    exit.received_bytes = counters.received_bytes;
    exit.voluntary_switches = record.voluntary_switches;
    exit.involuntary_switches = record.involuntary_switches;
    exit.minor_faults = record.minor_faults;
    exit.major_faults = record.major_faults;
    if (!has_flag(header, VIGIL_FLAG_THREADS_UNKNOWN)) {
        exit.threads = record.threads;
    }
    if (record.login_uid != ~__u32{0}) {
        exit.login_uid = record.login_uid;
    }
    exit.tracer_pid = record.tracer_pid;
    return exit;
}

model::Signal signal_of(const vigil_signal& record, const DecodeContext& context) {
    model::Signal signal;
    signal.number = static_cast<int>(record.number);
    signal.code = record.origin == VIGIL_ORIGIN_PRIV ? SI_KERNEL : record.code;
    signal.process_wide = (record.context & VIGIL_CONTEXT_GROUP) != 0;
    signal.dumping_core = (record.context & VIGIL_CONTEXT_DUMPING_CORE) != 0;
    signal.near_stack = (record.context & VIGIL_CONTEXT_NEAR_STACK) != 0;
    signal.source = model::signal_source({
        .number = signal.number,
        .code = record.code,
        .origin = record.origin,
        .flags = record.context,
        .target_pid = record.header.pid,
        .oom_follows = context.oom_follows,
    });
    signal.result = static_cast<model::SignalResult>(
        std::min<int>(record.result, static_cast<int>(model::SignalResult::info_lost)));
    if (model::has_sender(signal.source)) {
        signal.sender = model::Sender{
            .pid = record.sender_pid,
            .tid = record.sender_tid,
            .uid = record.sender_uid,
            .start_ns = record.sender_start_ns,
            .comm = comm_of(record.sender_comm),
        };
    }
    return signal;
}

model::Oom oom_of(const vigil_oom& record, const DecodeContext& context) {
    model::Oom oom;
    if (record.rss_pages != ~__u64{0}) {
        oom.rss_bytes = record.rss_pages * context.page_bytes;
    }
    oom.score_adjust = record.score_adjust;
    oom.trigger_pid = record.trigger_pid;
    oom.trigger_comm = comm_of(record.trigger_comm);
    return oom;
}

std::optional<model::KillFailed> kill_failed_of(const vigil_kill_failed& record) {
    if (record.syscall > VIGIL_SYSCALL_PIDFD_SEND_SIGNAL) {
        return std::nullopt;
    }
    model::KillFailed failed;
    failed.syscall = static_cast<model::KillSyscall>(record.syscall);
    const bool unknown =
        failed.syscall == model::KillSyscall::pidfd_send_signal && record.target == 0;
    if (failed.syscall != model::KillSyscall::tkill && !unknown) {
        failed.target = record.target;
    }
    if (failed.syscall == model::KillSyscall::tkill ||
        failed.syscall == model::KillSyscall::tgkill ||
        failed.syscall == model::KillSyscall::rt_tgsigqueueinfo) {
        failed.target_tid = record.target_tid;
    }
    failed.number = record.number;
    failed.error = record.error;
    return failed;
}

// False for a malformed record.
bool decode_body(Event& event, std::span<const std::byte> bytes, const DecodeContext& context) {
    const auto set = [&](auto body) {
        if (body) {
            event.body = std::move(*body);
        }
        return body.has_value();
    };
    const auto then = [](auto record, auto make) {
        return record ? std::optional{make(*record)} : std::nullopt;
    };
    switch (event.kind) {
        case Kind::fork:
            return set(then(fixed<vigil_fork>(bytes), fork_of));
        case Kind::exec:
            return set(exec_of(bytes, context));
        case Kind::exit:
            return set(then(fixed<vigil_exit>(bytes),
                            [&](const vigil_exit& r) { return exit_of(r, context); }));
        case Kind::signal:
            return set(then(fixed<vigil_signal>(bytes),
                            [&](const vigil_signal& r) { return signal_of(r, context); }));
        case Kind::oom:
            return set(then(fixed<vigil_oom>(bytes),
                            [&](const vigil_oom& r) { return oom_of(r, context); }));
        case Kind::kill_failed: {
            const auto record = fixed<vigil_kill_failed>(bytes);
            return set(record ? kill_failed_of(*record) : std::nullopt);
        }
        case Kind::loss:
        case Kind::violation:
        case Kind::unobserved:
        case Kind::death:
            break;
    }
    return false;
}

}  // namespace

uint64_t cpu_time_ns(const vigil_usage& usage, const std::optional<ClockOffset>& offset) {
    // Without ticks (nohz_full) the clock of a busy CPU is updated once a second.
    constexpr uint64_t max_unaccounted_ns = 2 * ns_per_s;
    const uint64_t read_ns = usage.monotonic_ns;
    if (!offset || usage.running == 0 ||
        std::max(read_ns, offset->compared_ns) - std::min(read_ns, offset->compared_ns) >
            max_clock_age_ns) {
        return usage.runtime_ns;
    }
    const uint64_t clock_ns = read_ns - static_cast<uint64_t>(offset->monotonic_minus_clock_ns);
    const uint64_t unaccounted_ns = usage.running * clock_ns - usage.clocks_ns;  // modulo 2^64
    return unaccounted_ns <= usage.running * max_unaccounted_ns ? usage.runtime_ns + unaccounted_ns
                                                                : usage.runtime_ns;
}

std::optional<Event> decode(std::span<const std::byte> bytes, const DecodeContext& context) {
    std::optional<Event> decoded;  // filled in place: an event is large
    if (const auto header = header_of(bytes)) {
        fill_event(decoded.emplace(), *header, context);
        if (!decode_body(*decoded, bytes, context)) {
            decoded.reset();
        }
    }
    return decoded;
}

std::optional<RecordPosition> record_position(std::span<const std::byte> bytes) {
    const auto header = header_of(bytes);
    if (!header) {
        return std::nullopt;
    }
    return RecordPosition{header->stream, static_cast<Kind>(header->kind), header->sequence,
                          header->time_ns};
}

std::optional<ProcessAt> killed_by_kernel(std::span<const std::byte> bytes) {
    const auto header = header_of(bytes);
    if (!header || header->kind != VIGIL_SIGNAL) {
        return std::nullopt;
    }
    const auto record = fixed<vigil_signal>(bytes);
    if (!record || record->number != SIGKILL || record->origin != VIGIL_ORIGIN_PRIV) {
        return std::nullopt;
    }
    return process_at(*header);
}

std::optional<ProcessAt> oom_victim(std::span<const std::byte> bytes) {
    const auto header = header_of(bytes);
    if (!header || header->kind != VIGIL_OOM) {
        return std::nullopt;
    }
    return process_at(*header);
}

}  // namespace vigil::capture
