// SPDX-License-Identifier: Apache-2.0
// A death record: how a process ended, what ended it and what it had used. Values only. Lists are
// stored as parallel lists, one per member, as in the output.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/event.h"

namespace vigil::model {

enum class Cause : uint8_t { exit, signal, oom };

std::string_view to_string(Cause cause);

// Ancestors of a process, parent first, as they were when it started.
struct Ancestry {
    std::vector<uint64_t> pids;
    std::vector<uint64_t> start_ns;
    std::vector<Comm> comms;
    bool cut = false;  // there are further ancestors
};

// Sender of the fatal signal, as it was when it sent the signal.
struct Killer {
    uint32_t pid = 0;
    uint64_t start_ns = 0;
    Comm comm;
    uint32_t uid = 0;
    std::optional<std::string_view> user;
    std::optional<std::string_view> executable;  // file name
    std::optional<std::string_view> argv;        // a NUL after each argument
    Ancestry ancestry;                           // empty: unknown
};

// A termination request before the fatal signal, such as a service manager's SIGTERM before its
// SIGKILL.
struct PriorSignal {
    int number = 0;
    SignalSource source = SignalSource::unknown;
    int64_t unix_ns = 0;
    std::optional<Sender> sender;
    std::optional<uint32_t> parent_pid;  // of the sender
    Comm parent_comm;
};

// The process caught the signal that is the cause, and ended itself with a signal.
struct SignalResponse {
    int number = 0;  // that it sent itself
    int64_t unix_ns = 0;
};

struct OutOfMemory {
    std::optional<uint64_t> rss_bytes;    // of the victim, when it was chosen
    std::optional<uint64_t> limit_bytes;  // that was hit; absent: the machine's, or not known
    std::optional<std::string_view> limit_cgroup;  // whose limit that is: a path in the hierarchy
    std::optional<bool>
        limited;               // a cgroup's limit was reached, not the machine's; absent: unknown
    uint32_t trigger_pid = 0;  // whose allocation called the OOM killer
    Comm trigger_comm;
};

// A child that died before it, with the end that its own exit code or signal repeats.
struct ChildDeath {
    uint32_t pid = 0;
    uint64_t start_ns = 0;
    Comm comm;
    Cause cause = Cause::exit;
    int signal = 0;  // 0: it exited with `exit_code`
    int exit_code = 0;
};

// Limits that the process exceeded in its last ten minutes.
struct LimitViolations {
    std::vector<std::string_view> metrics;  // names as in rules
    std::vector<double> limits;             // in the metric's unit, like peaks
    std::vector<double> peaks;
    std::vector<int64_t> since_unix_ns;  // first time above the limit
};

// The views point into the data that the record was made from and are valid as long as it. Absent:
// unknown.
struct Death {
    Exit exit;
    int64_t started_unix_ns = 0;
    Cause cause = Cause::exit;
    // The signal that is the cause, 0: none. exit.signal() is another where it was killed while it
    // dumped its core, or where it answered with another one (`response`).
    int signal = 0;
    std::optional<SignalSource> source;  // of that signal
    std::optional<int> code;             // its si_code
    bool near_stack = false;             // a fault at the stack pointer: the stack was full
    std::optional<int64_t> signal_unix_ns;
    std::optional<Killer> killer;
    std::optional<SignalResponse> response;
    std::optional<PriorSignal> prior;
    std::optional<OutOfMemory> oom;
    std::optional<ChildDeath> child;

    std::optional<std::string_view> executable;  // file name
    std::optional<std::string_view> argv;        // a NUL after each argument; at most 1 KiB
    std::optional<std::string_view> boot_id;     // of the boot that Event::boot_ns counts from
    std::optional<std::string_view> cwd;
    std::optional<std::string_view> user;
    std::optional<std::string_view> login_user;  // login user (credentials(7)); absent: none
    std::optional<std::string_view> cgroup;      // path in the hierarchy
    std::optional<std::string_view> unit;        // systemd unit, from the path
    std::optional<std::string_view> container;   // container id, from the path
    Ancestry ancestry;                           // empty: unknown
    LimitViolations limits;

    // True if a signal, the OOM killer or a non-zero exit code ended the process.
    bool is_abnormal() const { return exit.status != 0; }
};

// What follows is read back from lines: owning values. The rows of model/fields.h say which key
// fills which member. A member is optional here, though Death always has it, where a line of
// another version or a damaged line can lack it: unknown is not zero. Strings are untrusted bytes:
// escape them before showing.

// A death. Absent: not known. The members mean what they mean in Death and its parts.
struct DeathRecord {
    // The parent first. In a damaged line the lists can differ in length.
    struct Ancestors {
        std::vector<uint64_t> pids;
        std::vector<uint64_t> start_ns;
        std::vector<std::string> comms;
        bool cut = false;  // there are more above

        bool operator==(const Ancestors&) const = default;
    };

    // Without `pid` there is none.
    struct Killer {
        std::optional<uint32_t> pid;
        std::optional<uint64_t> start_ns;
        std::string comm;
        std::optional<uint32_t> uid;
        std::optional<std::string> user;
        std::optional<std::string> executable;
        std::vector<std::string> argv;
        Ancestors ancestors;

        bool operator==(const Killer&) const = default;
    };

    // Without `number` there was none.
    struct PriorSignal {
        std::optional<int> number;
        std::optional<SignalSource> source;
        std::optional<int64_t> unix_ns;
        std::optional<uint32_t> pid;  // of the sender
        std::optional<uint64_t> start_ns;
        std::string comm;
        std::optional<uint32_t> uid;
        std::optional<uint32_t> parent_pid;
        std::string parent_comm;

        bool operator==(const PriorSignal&) const = default;
    };

    // Without `pid` there is none.
    struct ChildDeath {
        std::optional<uint32_t> pid;
        std::optional<uint64_t> start_ns;
        std::string comm;
        std::optional<Cause> cause;
        std::optional<int> exit_code;
        std::optional<int> signal;

        bool operator==(const ChildDeath&) const = default;
    };

    struct OutOfMemory {
        std::optional<uint64_t> rss_bytes;
        std::optional<uint64_t> limit_bytes;
        std::optional<std::string> limit_cgroup;
        std::optional<uint32_t> trigger_pid;
        std::string trigger_comm;
        std::optional<bool> limited;

        bool operator==(const OutOfMemory&) const = default;
    };

    // In a damaged line the lists can differ in length.
    struct LimitViolations {
        std::vector<std::string> metrics;
        std::vector<double> limits;
        std::vector<double> peaks;
        std::vector<int64_t> since_unix_ns;

        bool operator==(const LimitViolations&) const = default;
    };

    std::optional<int64_t> unix_ns;  // of the death; a parsed record has it, a pid and a cause
    std::string host;
    std::optional<std::string> boot_id;
    std::optional<uint64_t> boot_ns;  // of the death, since that boot
    std::optional<uint32_t> pid;
    std::optional<uint32_t> ppid;
    std::optional<uint64_t> start_ns;
    std::string comm;
    std::optional<uint32_t> uid;
    std::optional<uint64_t> cgroup_id;

    std::optional<Cause> cause;
    std::optional<int> exit_code;
    std::optional<int> exit_signal;
    bool core_dumped = false;
    std::optional<int> signal;
    std::optional<SignalSource> source;
    std::optional<int> code;
    bool near_stack = false;
    std::optional<int64_t> signal_unix_ns;
    Killer killer;
    std::optional<int> response_signal;
    std::optional<int64_t> response_unix_ns;
    PriorSignal prior;
    OutOfMemory oom;
    ChildDeath child;

    std::optional<std::string> executable;
    std::vector<std::string> argv;
    std::optional<std::string> cwd;
    std::optional<std::string> user;
    std::optional<std::string> login_user;
    std::optional<uint32_t> login_uid;
    std::optional<std::string> cgroup;
    std::optional<std::string> unit;
    std::optional<std::string> container;
    std::optional<int64_t> started_unix_ns;
    Ancestors ancestors;
    LimitViolations limits;
    FinalUsage usage;
    bool cut = false;  // long strings of it have been cut

    // By a signal, the OOM killer, or with an exit code that is not 0.
    bool is_abnormal() const { return exit_code != 0; }

    bool operator==(const DeathRecord&) const = default;
};

// A time of which deaths may be missing in a journal: events were lost, or no agent ran.
struct CoverageGap {
    bool unobserved = false;          // no agent ran; else events were lost
    std::optional<Kind> lost_kind{};  // of the lost events; absent: of more than one kind
    uint64_t count = 0;               // of lost events
    int64_t from_unix_ns = 0;
    int64_t to_unix_ns = 0;
    bool rebooted = false;

    auto operator<=>(const CoverageGap&) const = default;  // NOLINT(modernize-use-nullptr): its 0
};

// What a line can be read back to.
using ParsedRecord = std::variant<std::monostate, DeathRecord, CoverageGap>;

}  // namespace vigil::model
