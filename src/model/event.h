// SPDX-License-Identifier: Apache-2.0
// Events: values only, one struct per kind. model/fields.h maps members to output keys.
#pragma once

#include <linux/types.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <variant>

#include "abi/kinds.h"
#include "model/counters.h"
#include "model/signal_source.h"

namespace vigil::model {

// The kinds of abi/kinds.h with the same numbers, then those that only user space emits.
enum class Kind : uint8_t {
#define VIGIL_KIND_MEMBER(number, NAME, name) name = number,
    VIGIL_KINDS(VIGIL_KIND_MEMBER)
#undef VIGIL_KIND_MEMBER
        loss,
    violation,
    unobserved,
    death,
};

#define VIGIL_KIND_ONE(number, NAME, name) +1
constexpr size_t kernel_kind_count = 0 VIGIL_KINDS(VIGIL_KIND_ONE);
#undef VIGIL_KIND_ONE
constexpr size_t kind_count = static_cast<size_t>(Kind::death) + 1;

constexpr size_t index(Kind kind) { return static_cast<size_t>(kind); }
constexpr bool is_kernel_kind(Kind kind) { return index(kind) < kernel_kind_count; }

std::string_view to_string(Kind kind);

// A set of kinds: bit k represents kind k.
using KindSet = uint32_t;
constexpr KindSet kind_bit(Kind kind) { return KindSet{1} << index(kind); }

// A process name as the kernel stores it: up to 15 untrusted bytes.
struct Comm {
    std::array<char, 16> bytes{};

    std::string_view view() const { return {bytes.data(), ::strnlen(bytes.data(), bytes.size())}; }
};

// The process that an event is about. pid and start_ns together identify it, because pids are
// reused. All pids are of the initial pid namespace.
struct Process {
    uint32_t pid = 0;  // thread group id
    uint32_t tid = 0;  // the current thread, or the one that the event is about
    uint32_t ppid = 0;
    uint32_t uid = 0;
    uint32_t gid = 0;
    uint16_t pidns_level = 0;
    uint64_t start_ns = 0;  // start of the thread group leader, nanoseconds since boot
    uint64_t cgroup_id = 0;
    Comm comm;
};

struct Fork {
    bool thread = false;
    uint64_t parent_start_ns = 0;
};

// Views into the bytes that the event was decoded from, and valid as long as they are.
struct Exec {
    std::string_view file;  // path passed to exec: may be a script or a symbolic link
    std::optional<std::string_view> executable;  // base name of the executed file
    std::optional<std::string_view> argv;        // a NUL after each argument; absent: unreadable
    bool argv_truncated = false;
    uint32_t argc = 0;
    uint32_t argv_bytes = 0;  // of all arguments, before truncation
    uint32_t old_tid = 0;
    // Totals of the process until now, so of its earlier images. Without memory, which is new.
    std::optional<Counters> counters;
};

struct Exit {
    bool thread = false;
    uint32_t status = 0;  // as returned by wait(2)
    uint64_t lifetime_ns = 0;
    uint64_t cpu_ns = 0;  // of the whole process, before an exec too; user + system
    uint64_t cpu_user_ns = 0;
    uint64_t cpu_system_ns = 0;
    // more exiting threads than the kernel side sums: the values are lower bounds
    bool usage_partial = false;
    // Of the present image, huge pages included. Without an exec: growth beyond the memory that was
    // copied from the parent. Absent: of a thread, unknown, or the memory was the parent's.
    std::optional<uint64_t> peak_rss_bytes;
    bool peak_rss_at_most = false;       // may include an earlier image (before exec)
    std::optional<uint64_t> read_bytes;  // from and to storage; absent: not counted
    std::optional<uint64_t> write_bytes;
    std::optional<uint64_t> sent_bytes;  // over TCP and UDP; absent: not counted, or of a thread
    std::optional<uint64_t> received_bytes;
    uint64_t voluntary_switches = 0;
    uint64_t involuntary_switches = 0;
    uint64_t minor_faults = 0;
    uint64_t major_faults = 0;
    // Threads since the last exec, including the leader; absent: the process is older than the
    // tracer.
    std::optional<uint32_t> threads;
    std::optional<uint32_t> login_uid;  // credentials(7); absent: no login, or not available
    uint32_t tracer_pid = 0;            // process that traced it by ptrace(2); 0: none

    // Number of the signal that ended the process, 0 if none did.
    int signal() const { return static_cast<int>(status & 0x7f); }
    bool core_dumped() const { return (status & 0x80) != 0; }
    int code() const { return static_cast<int>(status >> 8 & 0xff); }
};

// The usage of an exit or a death, as it is read back from a line (model/death.h). Absent: unknown,
// also if the line of another version lacks it.
struct FinalUsage {
    std::optional<uint64_t> lifetime_ns;
    std::optional<uint64_t> cpu_ns;
    std::optional<uint64_t> cpu_user_ns;
    std::optional<uint64_t> cpu_system_ns;
    bool partial = false;
    std::optional<uint64_t> peak_rss_bytes;
    bool peak_rss_at_most = false;
    std::optional<uint64_t> read_bytes;
    std::optional<uint64_t> write_bytes;
    std::optional<uint64_t> sent_bytes;
    std::optional<uint64_t> received_bytes;
    std::optional<uint64_t> voluntary_switches;
    std::optional<uint64_t> involuntary_switches;
    std::optional<uint64_t> minor_faults;
    std::optional<uint64_t> major_faults;
    std::optional<uint32_t> threads;

    bool operator==(const FinalUsage&) const = default;
};

struct Sender {
    uint32_t pid = 0;
    uint32_t tid = 0;
    uint32_t uid = 0;
    uint64_t start_ns = 0;
    Comm comm;
};

enum class SignalResult : uint8_t { delivered, ignored, already_pending, overflow, info_lost };

std::string_view to_string(SignalResult result);

struct Signal {
    int number = 0;
    int code = 0;  // si_code; SI_KERNEL if the kernel passed none
    bool process_wide = false;
    SignalSource source = SignalSource::unknown;
    SignalResult result = SignalResult::delivered;
    bool dumping_core = false;  // the target was dumping core
    bool near_stack = false;    // a fault at its stack pointer: its stack was probably full
    std::optional<Sender> sender;
};

struct Oom {
    std::optional<uint64_t> rss_bytes;
    int score_adjust = 0;
    uint32_t trigger_pid = 0;  // process whose allocation invoked the OOM killer
    Comm trigger_comm;
};

enum class KillSyscall : uint8_t {
    kill,
    tkill,
    tgkill,
    rt_sigqueueinfo,
    rt_tgsigqueueinfo,
    pidfd_send_signal,
};

std::string_view to_string(KillSyscall syscall);

// The event's process is the caller of the system call.
struct KillFailed {
    KillSyscall syscall = KillSyscall::kill;
    // As passed: kill(2) accepts 0, -1 and negative process groups. Of pidfd_send_signal(2) the pid
    // of its descriptor; absent: unknown.
    std::optional<int> target;
    std::optional<int> target_tid;
    int number = 0;
    int error = 0;  // errno
};

// Where events were lost: in the kernel's ring, in an agent's spool because it was full, or there
// because the server refused them.
enum class LossStage : uint8_t { ring, queue, refused };

std::string_view to_string(LossStage stage);

// Lost events: they happened, but nobody will see them. The event's process is empty.
struct Loss {
    std::optional<Kind> kind;  // absent: of several kinds
    uint64_t count = 0;
    int64_t from_unix_ns = 0;  // time of the last event before the gap
    int64_t to_unix_ns = 0;
    LossStage stage = LossStage::ring;
};

// Quantities that limits are set on. The enumerators are in model/sample.h, so that a new one does
// not touch this header.
enum class Metric : uint8_t;
constexpr size_t index(Metric metric) { return static_cast<size_t>(metric); }

enum class ViolationState : uint8_t { raised, ongoing, cleared };

std::string_view to_string(ViolationState state);

// A limit that a process exceeds or has exceeded. The views point into the data that the event was
// made from and are valid as long as it. Values are in the metric's unit.
struct Violation {
    ViolationState state = ViolationState::raised;
    Metric metric{};
    // now; absent: unavailable, or the process exited without a measurement
    std::optional<double> value;
    double limit = 0;
    std::string_view rule;     // the rule's `process`
    double peak = 0;           // since the value was first above the limit
    double mean = 0;           // over that time
    uint64_t duration_ns = 0;  // of that time
    bool exited = false;       // the process exited, which ended the violation
    uint64_t similar = 0;      // exited siblings that exceeded the same limit and were not reported
    std::optional<std::string_view> executable;  // file name
    std::optional<std::string_view> argv;        // a NUL after each argument
    std::optional<std::string_view> user;        // name of the uid, or its number
    std::optional<std::string_view> cgroup;      // path in the hierarchy
    std::optional<std::string_view> unit;        // systemd unit, from the path
};

// Time in which no agent or recorder ran. The event's process is empty.
struct MonitoringGap {
    int64_t from_unix_ns = 0;
    int64_t to_unix_ns = 0;
    bool rebooted = false;  // the machine was rebooted in between
};

struct Death;  // model/death.h

struct Event {
    Kind kind = Kind::fork;
    uint16_t cpu = 0;
    uint64_t sequence = 0;  // per stream; missing numbers are losses
    uint64_t boot_ns = 0;
    int64_t unix_ns = 0;
    Process process;
    // Deaths are large and rare compared with other kinds, so they are referenced, not copied.
    std::variant<Fork, Exec, Exit, Signal, Oom, KillFailed, Loss, Violation, MonitoringGap,
                 const Death*>
        body;
};

}  // namespace vigil::model
