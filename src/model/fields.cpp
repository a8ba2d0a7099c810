// SPDX-License-Identifier: Apache-2.0
#include "model/fields.h"

#include <array>
#include <cstring>

#include "base/result.h"
#include "model/field_rows.h"
#include "model/sample.h"

namespace vigil::model {
namespace {

const Fork& fork_of(E event) { return std::get<Fork>(event.body); }
const Exec& exec_of(E event) { return std::get<Exec>(event.body); }
const Signal& signal_of(E event) { return std::get<Signal>(event.body); }
const Oom& oom_of(E event) { return std::get<Oom>(event.body); }
const KillFailed& failed_of(E event) { return std::get<KillFailed>(event.body); }
const Loss& loss_of(E event) { return std::get<Loss>(event.body); }
const MonitoringGap& gap_of(E event) { return std::get<MonitoringGap>(event.body); }
const Violation& violation_of(E event) { return std::get<Violation>(event.body); }

const MetricInfo& metric_of(const Violation& violation) {
    return metrics()[index(violation.metric)];
}

Value sender(E event, Value (*get)(const Sender&)) { return maybe(signal_of(event).sender, get); }

// strerrorname_np(3): "ESRCH".
Value error_name(int error) {
    const char* name = ::strerrorname_np(error);
    return name != nullptr ? Value{std::string_view(name)} : integer(error);
}

constexpr Field pid_field{keys::pid, "", [](E e) { return number(e.process.pid); }, slot<&R::pid>};
constexpr Field ppid_field{"ppid", "", [](E e) { return number(e.process.ppid); }, slot<&R::ppid>};
constexpr Field start_field{"start_ns", "", [](E e) { return number(e.process.start_ns); },
                            slot<&R::start_ns>};
constexpr Field comm_field{
    "comm", "", [](E e) -> Value { return UntrustedText{e.process.comm.view()}; }, slot<&R::comm>};
constexpr Field uid_field{"uid", "", [](E e) { return number(e.process.uid); }, slot<&R::uid>};
constexpr Field cgroup_field{
    "cgroup_id", "",
    [](E e) { return e.process.cgroup_id != 0 ? number(e.process.cgroup_id) : Value{Unknown{}}; },
    slot<&R::cgroup_id>};

constexpr std::array identity_table{pid_field,  ppid_field, start_field,
                                    comm_field, uid_field,  cgroup_field};

constexpr std::array death_identity_table{
    Field{keys::boot_id, "", [](E e) { return untrusted(death_of(e).boot_id); }, slot<&R::boot_id>},
    Field{keys::boot_ns, "", [](E e) { return number(e.boot_ns); }, slot<&R::boot_ns>},
    pid_field,
    ppid_field,
    start_field,
    comm_field,
    uid_field,
    cgroup_field,
};

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
    Field{"file", "file", [](E e) -> Value { return UntrustedText{exec_of(e).file}; }},
    Field{"executable", "", [](E e) { return untrusted(exec_of(e).executable); }},
    Field{"argv", "argv", [](E e) { return arguments(exec_of(e).argv); }},
    Field{"argv_truncated", "", [](E e) -> Value { return exec_of(e).argv_truncated; }},
    Field{"", "argv_truncated",
          [](E e) { return exec_of(e).argv_truncated ? Value{true} : Value{Unknown{}}; }},
    Field{"argc", "", [](E e) { return number(exec_of(e).argc); }},
    Field{"argv_bytes", "", [](E e) { return number(exec_of(e).argv_bytes); }},
    Field{"old_tid", "", [](E e) { return number(exec_of(e).old_tid); }},
    Field{"", "uid", [](E e) { return number(e.process.uid); }},
};

constexpr std::array exit_head{
    Field{"thread", "", [](E e) -> Value { return exit_of(e).thread; }},
    Field{"", "status", [](E e) -> Value { return WaitStatus{exit_of(e).status}; }},
    Field{keys::exit_code, "", [](E e) { return exit_code(exit_of(e)); }},
    Field{"exit_signal", "", [](E e) { return exit_signal(exit_of(e)); }},
    Field{"core_dumped", "", [](E e) -> Value { return exit_of(e).core_dumped(); }},
};

constexpr auto exit_table = joined(exit_head, usage_table);

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
              return sender(e,
                            [](const Sender& s) -> Value { return UntrustedText{s.comm.view()}; });
          }},
    Field{"sender_uid", "sender_uid",
          [](E e) { return sender(e, [](const Sender& s) { return number(s.uid); }); }},
};

constexpr std::array oom_table{
    Field{"rss_bytes", "rss", [](E e) { return size(oom_of(e).rss_bytes); }},
    Field{"oom_score_adj", "oom_score_adj", [](E e) { return integer(oom_of(e).score_adjust); }},
    Field{"trigger_pid", "trigger_pid", [](E e) { return number(oom_of(e).trigger_pid); }},
    Field{"trigger_comm", "trigger_comm",
          [](E e) -> Value { return UntrustedText{oom_of(e).trigger_comm.view()}; }},
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

using G = CoverageGap;

template <auto member>
Slot gap_slot(ParsedRecord& record) {
    return &(std::get_if<G>(&record)->*member);
}
template <auto member>
Slot gap_time_slot(ParsedRecord& record) {
    return RequiredTime{&(std::get_if<G>(&record)->*member)};
}

constexpr std::array loss_table{
    Field{"lost_kind", "",
          [](E e) {
              return maybe(loss_of(e).kind, [](Kind kind) -> Value { return to_string(kind); });
          },
          gap_slot<&G::lost_kind>},
    Field{"count", "", [](E e) { return number(loss_of(e).count); }, gap_slot<&G::count>},
    Field{"place", "", [](E e) -> Value { return to_string(loss_of(e).stage); }},
    Field{
        "cpu", "cpu",
        [](E e) { return loss_of(e).stage == LossStage::ring ? number(e.cpu) : Value{Unknown{}}; }},
    Field{"from", "from", [](E e) -> Value { return UnixTime{loss_of(e).from_unix_ns}; },
          gap_time_slot<&G::from_unix_ns>},
    Field{"to", "to", [](E e) -> Value { return UnixTime{loss_of(e).to_unix_ns}; },
          gap_time_slot<&G::to_unix_ns>},
};

constexpr std::array gap_table{
    Field{"from", "from", [](E e) -> Value { return UnixTime{gap_of(e).from_unix_ns}; },
          gap_time_slot<&G::from_unix_ns>},
    Field{"to", "to", [](E e) -> Value { return UnixTime{gap_of(e).to_unix_ns}; },
          gap_time_slot<&G::to_unix_ns>},
    Field{"rebooted", "rebooted", [](E e) -> Value { return gap_of(e).rebooted; },
          gap_slot<&G::rebooted>},
};

constexpr std::array violation_table{
    Field{"state", "", [](E e) -> Value { return to_string(violation_of(e).state); }},
    Field{"metric", "", [](E e) -> Value { return metric_of(violation_of(e)).name; }},
    Field{"value", "",
          [](E e) { return maybe(violation_of(e).value, [](double v) -> Value { return v; }); }},
    Field{"limit", "", [](E e) -> Value { return violation_of(e).limit; }},
    Field{"unit", "", [](E e) -> Value { return metric_of(violation_of(e)).unit; }},
    Field{"rule", "", [](E e) -> Value { return UntrustedText{violation_of(e).rule}; }},
    Field{"peak", "", [](E e) -> Value { return violation_of(e).peak; }},
    Field{"mean", "", [](E e) -> Value { return violation_of(e).mean; }},
    Field{"duration_ns", "", [](E e) -> Value { return Duration{violation_of(e).duration_ns}; }},
    Field{"exited", "", [](E e) -> Value { return violation_of(e).exited; }},
    Field{"similar", "", [](E e) { return number(violation_of(e).similar); }},
    Field{"executable", "", [](E e) { return untrusted(violation_of(e).executable); }},
    Field{"argv", "", [](E e) { return arguments(violation_of(e).argv); }},
    Field{"user", "", [](E e) { return untrusted(violation_of(e).user); }},
    Field{"cgroup", "", [](E e) { return untrusted(violation_of(e).cgroup); }},
    Field{"systemd_unit", "", [](E e) { return untrusted(violation_of(e).unit); }},
};

}  // namespace

std::span<const Field> process_fields(Kind kind) {
    switch (kind) {
        case Kind::loss:
        case Kind::unobserved:
            return {};
        case Kind::violation:
            return identity_table;
        case Kind::death:
            return death_identity_table;
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
            return gap_table;
        case Kind::death:
            return death_fields();
    }
    CHECK(false);
}

}  // namespace vigil::model
