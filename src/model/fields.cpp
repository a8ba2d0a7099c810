// SPDX-License-Identifier: Apache-2.0
#include "model/fields.h"

#include <array>
#include <cstring>

#include "base/result.h"
#include "model/sample.h"
#include "model/signals.h"

namespace vigil::model {
namespace {

using E = const Event&;

const Fork& fork_of(E event) { return std::get<Fork>(event.body); }
const Exec& exec_of(E event) { return std::get<Exec>(event.body); }
const Exit& exit_of(E event) { return std::get<Exit>(event.body); }
const Signal& signal_of(E event) { return std::get<Signal>(event.body); }
const Oom& oom_of(E event) { return std::get<Oom>(event.body); }
const KillFailed& failed_of(E event) { return std::get<KillFailed>(event.body); }
const Loss& loss_of(E event) { return std::get<Loss>(event.body); }
const Unobserved& unobserved_of(E event) { return std::get<Unobserved>(event.body); }
const Violation& violation_of(E event) { return std::get<Violation>(event.body); }

const MetricRow& row_of(const Violation& violation) { return metrics()[index(violation.metric)]; }

Value number(uint64_t value) { return value; }
Value integer(int value) { return int64_t{value}; }

// `make` turns what an optional holds into a Value.
template <class T, class Make>
Value maybe(const std::optional<T>& value, Make make) {
    return value ? make(*value) : Value{Null{}};
}

Value size(const std::optional<uint64_t>& bytes) {
    return maybe(bytes, [](uint64_t b) -> Value { return Size{b}; });
}

Value sender(E event, Value (*get)(const Sender&)) { return maybe(signal_of(event).sender, get); }

// strerrorname_np(3): "ESRCH".
Value error_name(int error) {
    const char* name = ::strerrorname_np(error);
    return name != nullptr ? Value{std::string_view(name)} : integer(error);
}

Value foreign(const std::optional<std::string_view>& bytes) {
    return maybe(bytes, [](std::string_view b) -> Value { return Foreign{b}; });
}

Value exit_code(const Exit& exit) {
    return exit.signal() == 0 ? integer(exit.code()) : Value{Null{}};
}

Value exit_signal(const Exit& exit) {
    return exit.signal() != 0 ? Value{signal_name(exit.signal())} : Value{Null{}};
}

constexpr Field pid_field{"pid", "", [](E e) { return number(e.process.pid); }};
constexpr Field ppid_field{"ppid", "", [](E e) { return number(e.process.ppid); }};
constexpr Field start_field{"start_ns", "", [](E e) { return number(e.process.start_ns); }};
constexpr Field comm_field{"comm", "", [](E e) -> Value { return Foreign{e.process.comm.view()}; }};
constexpr Field uid_field{"uid", "", [](E e) { return number(e.process.uid); }};
constexpr Field cgroup_field{
    "cgroup_id", "",
    [](E e) { return e.process.cgroup_id != 0 ? number(e.process.cgroup_id) : Value{Null{}}; }};

constexpr std::array identity_table{pid_field,  ppid_field, start_field,
                                    comm_field, uid_field,  cgroup_field};

constexpr std::array process_table{
    pid_field,
    Field{"tid", "", [](E e) { return number(e.process.tid); }},
    ppid_field,
    start_field,
    comm_field,
    uid_field,
    Field{"gid", "", [](E e) { return number(e.process.gid); }},
    cgroup_field,
    Field{"pidns_level", "", [](E e) { return number(e.process.pidns_level); }},
    Field{"cpu", "", [](E e) { return number(e.cpu); }},
    Field{"seq", "", [](E e) { return number(e.sequence); }},
};

constexpr std::array fork_table{
    Field{"thread", "", [](E e) -> Value { return fork_of(e).thread; }},
    Field{"parent_start_ns", "", [](E e) { return number(fork_of(e).parent_start_ns); }},
    Field{"", "uid", [](E e) { return number(e.process.uid); }},
};

constexpr std::array exec_table{
    Field{"file", "file", [](E e) -> Value { return Foreign{exec_of(e).file}; }},
    Field{"executable", "", [](E e) { return foreign(exec_of(e).executable); }},
    Field{"argv", "argv",
          [](E e) {
              return maybe(exec_of(e).argv,
                           [](std::string_view bytes) -> Value { return Arguments{bytes}; });
          }},
    Field{"argv_truncated", "", [](E e) -> Value { return exec_of(e).argv_truncated; }},
    Field{"", "argv_truncated",
          [](E e) { return exec_of(e).argv_truncated ? Value{true} : Value{Null{}}; }},
    Field{"argc", "", [](E e) { return number(exec_of(e).argc); }},
    Field{"argv_bytes", "", [](E e) { return number(exec_of(e).argv_bytes); }},
    Field{"old_tid", "", [](E e) { return number(exec_of(e).old_tid); }},
    Field{"", "uid", [](E e) { return number(e.process.uid); }},
};

constexpr std::array exit_table{
    Field{"thread", "", [](E e) -> Value { return exit_of(e).thread; }},
    Field{"", "status", [](E e) -> Value { return Status{exit_of(e).status}; }},
    Field{"exit_code", "", [](E e) { return exit_code(exit_of(e)); }},
    Field{"exit_signal", "", [](E e) { return exit_signal(exit_of(e)); }},
    Field{"core_dumped", "", [](E e) -> Value { return exit_of(e).core_dumped(); }},
    Field{"lifetime_ns", "lived", [](E e) -> Value { return Duration{exit_of(e).lifetime_ns}; }},
    Field{"cpu_ns", "cpu", [](E e) -> Value { return Duration{exit_of(e).cpu_ns}; }},
    Field{"cpu_user_ns", "", [](E e) -> Value { return Duration{exit_of(e).cpu_user_ns}; }},
    Field{"cpu_system_ns", "", [](E e) -> Value { return Duration{exit_of(e).cpu_system_ns}; }},
    Field{"bill_partial", "", [](E e) -> Value { return exit_of(e).bill_partial; }},
    Field{"peak_rss_bytes", "peak_rss", [](E e) { return size(exit_of(e).peak_rss_bytes); }},
    Field{"peak_rss_at_most", "", [](E e) -> Value { return exit_of(e).peak_rss_at_most; }},
    Field{"read_bytes", "read", [](E e) { return size(exit_of(e).read_bytes); }},
    Field{"write_bytes", "written", [](E e) { return size(exit_of(e).write_bytes); }},
    Field{"sent_bytes", "sent", [](E e) { return size(exit_of(e).sent_bytes); }},
    Field{"received_bytes", "received", [](E e) { return size(exit_of(e).received_bytes); }},
    Field{"voluntary_switches", "", [](E e) { return number(exit_of(e).voluntary_switches); }},
    Field{"involuntary_switches", "", [](E e) { return number(exit_of(e).involuntary_switches); }},
    Field{"minor_faults", "", [](E e) { return number(exit_of(e).minor_faults); }},
    Field{"major_faults", "", [](E e) { return number(exit_of(e).major_faults); }},
    Field{"threads", "threads",
          [](E e) { return maybe(exit_of(e).threads, [](uint32_t n) { return number(n); }); }},
};

constexpr std::array signal_table{
    Field{"signal", "", [](E e) -> Value { return signal_name(signal_of(e).number); }},
    Field{"signal_number", "", [](E e) { return integer(signal_of(e).number); }},
    Field{"source", "source", [](E e) -> Value { return to_string(signal_of(e).source); }},
    Field{"result", "result", [](E e) -> Value { return to_string(signal_of(e).result); }},
    Field{"code", "code", [](E e) { return integer(signal_of(e).code); }},
    Field{"process_wide", "", [](E e) -> Value { return signal_of(e).process_wide; }},
    Field{"sender_pid", "",
          [](E e) { return sender(e, [](const Sender& s) { return number(s.pid); }); }},
    Field{"sender_tid", "",
          [](E e) { return sender(e, [](const Sender& s) { return number(s.tid); }); }},
    Field{"sender_start_ns", "",
          [](E e) { return sender(e, [](const Sender& s) { return number(s.start_ns); }); }},
    Field{"sender_comm", "",
          [](E e) {
              return sender(e, [](const Sender& s) -> Value { return Foreign{s.comm.view()}; });
          }},
    Field{"sender_uid", "sender_uid",
          [](E e) { return sender(e, [](const Sender& s) { return number(s.uid); }); }},
};

constexpr std::array oom_table{
    Field{"rss_bytes", "rss", [](E e) { return size(oom_of(e).rss_bytes); }},
    Field{"oom_score_adj", "oom_score_adj", [](E e) { return integer(oom_of(e).score_adjust); }},
    Field{"trigger_pid", "trigger_pid", [](E e) { return number(oom_of(e).trigger_pid); }},
    Field{"trigger_comm", "trigger_comm",
          [](E e) -> Value { return Foreign{oom_of(e).trigger_comm.view()}; }},
};

constexpr std::array kill_failed_table{
    Field{"syscall", "syscall", [](E e) -> Value { return to_string(failed_of(e).syscall); }},
    Field{"signal", "", [](E e) -> Value { return signal_name(failed_of(e).number); }},
    Field{"signal_number", "", [](E e) { return integer(failed_of(e).number); }},
    Field{"target_pid", "",
          [](E e) { return maybe(failed_of(e).target, [](int pid) { return integer(pid); }); }},
    Field{"target_tid", "target_tid",
          [](E e) { return maybe(failed_of(e).target_tid, [](int tid) { return integer(tid); }); }},
    Field{"error", "error", [](E e) { return error_name(failed_of(e).error); }},
};

constexpr std::array loss_table{
    Field{"lost_kind", "",
          [](E e) {
              return maybe(loss_of(e).kind, [](Kind kind) -> Value { return to_string(kind); });
          }},
    Field{"count", "", [](E e) { return number(loss_of(e).count); }},
    Field{"place", "", [](E e) -> Value { return to_string(loss_of(e).place); }},
    Field{"cpu", "cpu",
          [](E e) { return loss_of(e).place == LossPlace::ring ? number(e.cpu) : Value{Null{}}; }},
    Field{"from", "from", [](E e) -> Value { return UnixTime{loss_of(e).from_unix_ns}; }},
    Field{"to", "to", [](E e) -> Value { return UnixTime{loss_of(e).to_unix_ns}; }},
};

constexpr std::array unobserved_table{
    Field{"from", "from", [](E e) -> Value { return UnixTime{unobserved_of(e).from_unix_ns}; }},
    Field{"to", "to", [](E e) -> Value { return UnixTime{unobserved_of(e).to_unix_ns}; }},
    Field{"rebooted", "rebooted", [](E e) -> Value { return unobserved_of(e).rebooted; }},
};

constexpr std::array violation_table{
    Field{"state", "", [](E e) -> Value { return to_string(violation_of(e).state); }},
    Field{"metric", "", [](E e) -> Value { return row_of(violation_of(e)).name; }},
    Field{"value", "",
          [](E e) { return maybe(violation_of(e).value, [](double v) -> Value { return v; }); }},
    Field{"limit", "", [](E e) -> Value { return violation_of(e).limit; }},
    Field{"unit", "", [](E e) -> Value { return row_of(violation_of(e)).unit; }},
    Field{"rule", "", [](E e) -> Value { return Foreign{violation_of(e).rule}; }},
    Field{"peak", "", [](E e) -> Value { return violation_of(e).peak; }},
    Field{"mean", "", [](E e) -> Value { return violation_of(e).mean; }},
    Field{"duration_ns", "", [](E e) -> Value { return Duration{violation_of(e).duration_ns}; }},
    Field{"exited", "", [](E e) -> Value { return violation_of(e).exited; }},
    Field{"similar", "", [](E e) { return number(violation_of(e).similar); }},
    Field{"executable", "", [](E e) { return foreign(violation_of(e).executable); }},
    Field{"argv", "",
          [](E e) {
              return maybe(violation_of(e).argv,
                           [](std::string_view bytes) -> Value { return Arguments{bytes}; });
          }},
    Field{"user", "", [](E e) { return foreign(violation_of(e).user); }},
    Field{"cgroup", "", [](E e) { return foreign(violation_of(e).cgroup); }},
    Field{"systemd_unit", "", [](E e) { return foreign(violation_of(e).unit); }},
};

}  // namespace

std::span<const Field> process_fields(Kind kind) {
    switch (kind) {
        case Kind::loss:
        case Kind::unobserved:
            return {};
        case Kind::violation:
            return identity_table;
        default:
            return process_table;
    }
}

std::span<const Field> fields(Kind kind) {
    switch (kind) {
        case Kind::fork:
            return fork_table;
        case Kind::exec:
            return exec_table;
        case Kind::exit:
            return exit_table;
        case Kind::signal:
            return signal_table;
        case Kind::oom:
            return oom_table;
        case Kind::kill_failed:
            return kill_failed_table;
        case Kind::loss:
            return loss_table;
        case Kind::violation:
            return violation_table;
        case Kind::unobserved:
            return unobserved_table;
    }
    CHECK(false);
}

}  // namespace vigil::model
