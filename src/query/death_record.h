// SPDX-License-Identifier: Apache-2.0
// Death records and the gaps between them, as they are read back from a journal. The keys
// are those of docs/history.md. Values only; strings are foreign bytes: escape before showing.
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

// Those above a process, its parent first. Of a damaged line the lists can differ in length.
struct Ancestors {
    std::vector<uint64_t> pids;
    std::vector<uint64_t> start_ns;
    std::vector<std::string> comms;
    bool cut = false;  // there are more above

    bool operator==(const Ancestors&) const = default;
};

// Who sent the deadly signal. Nobody is known where there is no pid.
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

// A signal that asked it to end, before what ended it. There was none where there is no number.
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
    std::optional<bool> limited;

    bool operator==(const OutOfMemory&) const = default;
};

// A child whose end its own repeats. There was none where there is no pid.
struct ChildDeath {
    std::optional<uint32_t> pid;
    std::optional<uint64_t> start_ns;
    std::string comm;
    std::optional<model::Cause> cause;
    std::optional<int> exit_code;
    std::optional<int> signal;

    bool operator==(const ChildDeath&) const = default;
};

// One list a member; of a damaged line they can differ in length.
struct LimitViolations {
    std::vector<std::string> metrics;
    std::vector<double> limits;
    std::vector<double> peaks;
    std::vector<int64_t> since_unix_ns;

    bool operator==(const LimitViolations&) const = default;
};

// What it had used; the members mean what they mean in model::Exit.
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

// Absent: not known.
struct DeathRecord {
    std::optional<int64_t>
        unix_ns;  // when it died; always there in what RecordParser gives, as pid is
    std::string host;
    std::optional<uint32_t> pid;
    std::optional<uint32_t> ppid;
    std::optional<uint64_t> start_ns;
    std::string comm;
    std::optional<uint32_t> uid;
    std::optional<uint64_t> cgroup_id;

    std::optional<model::Cause> cause;  // always there in what RecordParser gives
    std::optional<int> exit_code;
    std::optional<int> exit_signal;
    bool core_dumped = false;
    std::optional<int> signal;
    std::optional<model::SignalSource> source;
    std::optional<int> code;
    std::optional<int64_t> signal_unix_ns;
    Killer killer;
    std::optional<int> response_signal;  // that it sent itself when it had caught `signal`
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

// Deaths that nobody has written down: lost events, or time in which nobody watched.
struct CoverageGap {
    bool unobserved = false;               // else: lost
    std::optional<model::Kind> lost_kind;  // of events; absent: of more than one kind
    uint64_t count = 0;                    // of lost events
    int64_t from_unix_ns = 0;
    int64_t to_unix_ns = 0;
    bool rebooted = false;

    auto operator<=>(const CoverageGap&) const = default;  // NOLINT(modernize-use-nullptr): its 0
};

using ParsedRecord = std::variant<std::monostate, DeathRecord, CoverageGap>;

// Keeps its buffers from line to line.
class RecordParser {
 public:
    RecordParser();
    ~RecordParser();
    RecordParser(const RecordParser&) = delete;
    RecordParser& operator=(const RecordParser&) = delete;

    // One line without its end. Nothing where it is neither of them: no JSON, another kind, or one
    // that lacks what every record has. A member of another type than it should have is not
    // known.
    ParsedRecord parse(std::string_view line);

 private:
    struct State;

    std::unique_ptr<State> state_;
};

}  // namespace vigil::query
