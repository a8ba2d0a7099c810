// SPDX-License-Identifier: Apache-2.0
// Death records and coverage gaps, as read back from a journal. The keys are listed in
// docs/history.md. Values only; strings are untrusted: escape them before output.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/death.h"

namespace vigil::query {

// The ancestors of a process, its parent first. In a damaged line the lists may differ in length.
struct Ancestors {
    std::vector<uint64_t> pids;
    std::vector<uint64_t> start_ns;
    std::vector<std::string> comms;
    bool cut = false;  // the list was cut: there are more ancestors

    bool operator==(const Ancestors&) const = default;
};

// The sender of the fatal signal. Without a pid the sender is unknown.
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

// The last termination request of another number before the fatal signal. Without a number there
// was none.
struct PriorSignal {
    std::optional<int> number;
    std::optional<model::SignalSource> source;
    std::optional<int64_t> unix_ns;
    std::optional<uint32_t> pid;  // of the sender
    std::optional<uint64_t> start_ns;
    std::string comm;
    std::optional<uint32_t> uid;
    std::optional<uint32_t> parent_pid;
    std::string parent_comm;

    bool operator==(const PriorSignal&) const = default;
};

struct OutOfMemory {
    std::optional<uint64_t> rss_bytes;
    std::optional<uint64_t> limit_bytes;
    std::optional<std::string> limit_cgroup;
    std::optional<uint32_t> trigger_pid;
    std::string trigger_comm;

    bool operator==(const OutOfMemory&) const = default;
};

// One list per member; in a damaged line they may differ in length.
struct LimitViolations {
    std::vector<std::string> metrics;
    std::vector<double> limits;
    std::vector<double> peaks;
    std::vector<int64_t> since_unix_ns;

    bool operator==(const LimitViolations&) const = default;
};

// Usage up to the exit; the members have the meaning of those of model::Exit.
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

// Empty members are unknown.
struct DeathRecord {
    std::optional<int64_t> unix_ns;  // time of the exit; RecordParser always sets it and pid
    std::string host;
    std::optional<uint32_t> pid;
    std::optional<uint32_t> ppid;
    std::optional<uint64_t> start_ns;
    std::string comm;
    std::optional<uint32_t> uid;
    std::optional<uint64_t> cgroup_id;

    std::optional<model::Cause> cause;  // always set by RecordParser
    std::optional<int> exit_code;
    std::optional<int> exit_signal;
    bool core_dumped = false;
    std::optional<int> signal;
    std::optional<model::SignalSource> source;
    std::optional<int> code;
    std::optional<int64_t> signal_unix_ns;
    Killer killer;
    PriorSignal prior;
    OutOfMemory oom;

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
    bool cut = false;  // long strings have been truncated

    // Ended by a signal, the OOM killer, or with an exit code other than 0.
    bool is_abnormal() const { return exit_code != 0; }

    bool operator==(const DeathRecord&) const = default;
};

// A time in which deaths may be missing from the journal: events were lost, or nothing was
// monitored.
struct CoverageGap {
    bool unobserved = false;               // true: monitoring gap; false: lost events
    std::optional<model::Kind> lost_kind;  // kind of the lost events; empty: several kinds
    uint64_t count = 0;                    // number of lost events
    int64_t from_unix_ns = 0;
    int64_t to_unix_ns = 0;
    bool rebooted = false;

    auto operator<=>(const CoverageGap&) const = default;  // NOLINT(modernize-use-nullptr): its 0
};

using ParsedRecord = std::variant<std::monostate, DeathRecord, CoverageGap>;

// Reuses its buffers from line to line.
class RecordParser {
 public:
    RecordParser();
    ~RecordParser();
    RecordParser(const RecordParser&) = delete;
    RecordParser& operator=(const RecordParser&) = delete;

    // Parses one line without its line end. Returns nothing if it is neither a death record nor a
    // coverage gap: no JSON, another kind, or without the members that every record has. A member
    // of the wrong type counts as unknown.
    ParsedRecord parse(std::string_view line);

 private:
    struct State;

    std::unique_ptr<State> state_;
};

}  // namespace vigil::query
