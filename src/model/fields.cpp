// SPDX-License-Identifier: Apache-2.0
#include "model/fields.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/result.h"
#include "model/death.h"
#include "model/sample.h"
#include "model/signals.h"

namespace vigil::model {
namespace {

using E = const Event&;

const Fork& fork_of(E event) { return std::get<Fork>(event.body); }
const Exec& exec_of(E event) { return std::get<Exec>(event.body); }
const Death& death_of(E event) { return *std::get<const Death*>(event.body); }
const Exit& exit_of(E event) {
    return event.kind == Kind::death ? death_of(event).exit : std::get<Exit>(event.body);
}
const Signal& signal_of(E event) { return std::get<Signal>(event.body); }
const Oom& oom_of(E event) { return std::get<Oom>(event.body); }
const KillFailed& failed_of(E event) { return std::get<KillFailed>(event.body); }
const Loss& loss_of(E event) { return std::get<Loss>(event.body); }
const MonitoringGap& gap_of(E event) { return std::get<MonitoringGap>(event.body); }
const Violation& violation_of(E event) { return std::get<Violation>(event.body); }

const MetricInfo& metric_of(const Violation& violation) {
    return metrics()[index(violation.metric)];
}

template <size_t m, size_t n>
constexpr std::array<Field, m + n> joined(const std::array<Field, m>& a,
                                          const std::array<Field, n>& b) {
    std::array<Field, m + n> all{};
    std::copy(a.begin(), a.end(), all.begin());
    std::copy(b.begin(), b.end(), all.begin() + m);
    return all;
}

Value number(uint64_t value) { return value; }
Value integer(int value) { return int64_t{value}; }

// `make` converts the content of the optional to a Value.
template <class T, class Make>
Value maybe(const std::optional<T>& value, Make make) {
    return value ? make(*value) : Value{Unknown{}};
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

Value untrusted(const std::optional<std::string_view>& bytes) {
    return maybe(bytes, [](std::string_view b) -> Value { return UntrustedText{b}; });
}

Value arguments(const std::optional<std::string_view>& bytes) {
    return maybe(bytes, [](std::string_view b) -> Value { return Arguments{b}; });
}

Value time(const std::optional<int64_t>& unix_ns) {
    return maybe(unix_ns, [](int64_t ns) -> Value { return UnixTime{ns}; });
}

// Keys that don't apply are omitted: they would be most of a death's line.
template <class T>
Value group(const std::optional<T>& group, Value (*get)(const T&)) {
    return group ? get(*group) : Value{Omitted{}};
}

Value killer(E event, Value (*get)(const Killer&)) { return group(death_of(event).killer, get); }
Value prior(E event, Value (*get)(const PriorSignal&)) { return group(death_of(event).prior, get); }
Value prior_sender(E event, Value (*get)(const Sender&)) {
    const auto& signal = death_of(event).prior;
    return signal ? maybe(signal->sender, get) : Value{Omitted{}};
}
Value out_of_memory(E event, Value (*get)(const OutOfMemory&)) {
    return group(death_of(event).oom, get);
}

template <class List>
Value limit_violations(E event, List list) {
    return death_of(event).limits.metrics.empty() ? Value{Omitted{}} : Value{std::move(list)};
}

Value exit_code(const Exit& exit) {
    return exit.signal() == 0 ? integer(exit.code()) : Value{Unknown{}};
}

Value exit_signal(const Exit& exit) {
    return exit.signal() != 0 ? Value{signal_name(exit.signal())} : Value{Unknown{}};
}

constexpr Field pid_field{"pid", "", [](E e) { return number(e.process.pid); }};
constexpr Field ppid_field{"ppid", "", [](E e) { return number(e.process.ppid); }};
constexpr Field start_field{"start_ns", "", [](E e) { return number(e.process.start_ns); }};
constexpr Field comm_field{"comm", "",
                           [](E e) -> Value { return UntrustedText{e.process.comm.view()}; }};
constexpr Field uid_field{"uid", "", [](E e) { return number(e.process.uid); }};
constexpr Field cgroup_field{
    "cgroup_id", "",
    [](E e) { return e.process.cgroup_id != 0 ? number(e.process.cgroup_id) : Value{Unknown{}}; }};

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

// Usage at the end of a process: of exits and deaths.
constexpr std::array usage_table{
    Field{"lifetime_ns", "lived", [](E e) -> Value { return Duration{exit_of(e).lifetime_ns}; }},
    Field{"cpu_ns", "cpu", [](E e) -> Value { return Duration{exit_of(e).cpu_ns}; }},
    Field{"cpu_user_ns", "", [](E e) -> Value { return Duration{exit_of(e).cpu_user_ns}; }},
    Field{"cpu_system_ns", "", [](E e) -> Value { return Duration{exit_of(e).cpu_system_ns}; }},
    Field{"bill_partial", "", [](E e) -> Value { return exit_of(e).usage_partial; }},
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
    Field{
        "login_uid", "",
        [](E e) { return maybe(exit_of(e).login_uid, [](uint32_t uid) { return number(uid); }); }},
};

constexpr std::array exit_head{
    Field{"thread", "", [](E e) -> Value { return exit_of(e).thread; }},
    Field{"", "status", [](E e) -> Value { return WaitStatus{exit_of(e).status}; }},
    Field{"exit_code", "", [](E e) { return exit_code(exit_of(e)); }},
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

constexpr std::array loss_table{
    Field{"lost_kind", "",
          [](E e) {
              return maybe(loss_of(e).kind, [](Kind kind) -> Value { return to_string(kind); });
          }},
    Field{"count", "", [](E e) { return number(loss_of(e).count); }},
    Field{"place", "", [](E e) -> Value { return to_string(loss_of(e).stage); }},
    Field{
        "cpu", "cpu",
        [](E e) { return loss_of(e).stage == LossStage::ring ? number(e.cpu) : Value{Unknown{}}; }},
    Field{"from", "from", [](E e) -> Value { return UnixTime{loss_of(e).from_unix_ns}; }},
    Field{"to", "to", [](E e) -> Value { return UnixTime{loss_of(e).to_unix_ns}; }},
};

constexpr std::array gap_table{
    Field{"from", "from", [](E e) -> Value { return UnixTime{gap_of(e).from_unix_ns}; }},
    Field{"to", "to", [](E e) -> Value { return UnixTime{gap_of(e).to_unix_ns}; }},
    Field{"rebooted", "rebooted", [](E e) -> Value { return gap_of(e).rebooted; }},
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

constexpr std::array death_head{
    Field{"cause", "", [](E e) -> Value { return to_string(death_of(e).cause); }},
    Field{"exit_code", "", [](E e) { return exit_code(exit_of(e)); }},
    Field{"exit_signal", "", [](E e) { return exit_signal(exit_of(e)); }},
    Field{"core_dumped", "", [](E e) -> Value { return exit_of(e).core_dumped(); }},
    Field{"signal", "",
          [](E e) {
              const int signal = death_of(e).signal;
              return signal != 0 ? Value{signal_name(signal)} : Value{Unknown{}};
          }},
    Field{"signal_source", "",
          [](E e) {
              return maybe(death_of(e).source,
                           [](SignalSource source) -> Value { return to_string(source); });
          }},
    Field{"signal_code", "",
          [](E e) { return maybe(death_of(e).code, [](int code) { return integer(code); }); }},
    Field{"signal_time", "", [](E e) { return time(death_of(e).signal_unix_ns); }},
    Field{"killer_pid", "",
          [](E e) { return killer(e, [](const Killer& k) { return number(k.pid); }); }},
    Field{"killer_start_ns", "",
          [](E e) { return killer(e, [](const Killer& k) { return number(k.start_ns); }); }},
    Field{"killer_comm", "",
          [](E e) {
              return killer(e,
                            [](const Killer& k) -> Value { return UntrustedText{k.comm.view()}; });
          }},
    Field{"killer_uid", "",
          [](E e) { return killer(e, [](const Killer& k) { return number(k.uid); }); }},
    Field{"killer_user", "",
          [](E e) { return killer(e, [](const Killer& k) { return untrusted(k.user); }); }},
    Field{"killer_executable", "",
          [](E e) { return killer(e, [](const Killer& k) { return untrusted(k.executable); }); }},
    Field{"killer_argv", "",
          [](E e) { return killer(e, [](const Killer& k) { return arguments(k.argv); }); }},
    Field{"killer_ancestor_pids", "",
          [](E e) {
              return killer(e, [](const Killer& k) -> Value { return Numbers(k.ancestry.pids); });
          }},
    Field{"killer_ancestor_comms", "",
          [](E e) {
              return killer(e, [](const Killer& k) -> Value { return Comms(k.ancestry.comms); });
          }},
    Field{"killer_ancestor_start_ns", "",
          [](E e) {
              return killer(e,
                            [](const Killer& k) -> Value { return Numbers(k.ancestry.start_ns); });
          }},
    Field{"killer_ancestry_cut", "",
          [](E e) { return killer(e, [](const Killer& k) -> Value { return k.ancestry.cut; }); }},
    Field{"before_signal", "",
          [](E e) {
              return prior(e, [](const PriorSignal& s) -> Value { return signal_name(s.number); });
          }},
    Field{"before_source", "",
          [](E e) {
              return prior(e, [](const PriorSignal& s) -> Value { return to_string(s.source); });
          }},
    Field{"before_time", "",
          [](E e) {
              return prior(e, [](const PriorSignal& s) -> Value { return UnixTime{s.unix_ns}; });
          }},
    Field{"before_pid", "",
          [](E e) { return prior_sender(e, [](const Sender& s) { return number(s.pid); }); }},
    Field{"before_start_ns", "",
          [](E e) { return prior_sender(e, [](const Sender& s) { return number(s.start_ns); }); }},
    Field{"before_comm", "",
          [](E e) {
              return prior_sender(
                  e, [](const Sender& s) -> Value { return UntrustedText{s.comm.view()}; });
          }},
    Field{"before_uid", "",
          [](E e) { return prior_sender(e, [](const Sender& s) { return number(s.uid); }); }},
    Field{"before_parent_pid", "",
          [](E e) {
              return prior(e, [](const PriorSignal& s) {
                  return maybe(s.parent_pid, [](uint32_t pid) { return number(pid); });
              });
          }},
    Field{"before_parent_comm", "",
          [](E e) {
              return prior(e, [](const PriorSignal& s) {
                  return s.parent_pid ? Value{UntrustedText{s.parent_comm.view()}}
                                      : Value{Unknown{}};
              });
          }},
    Field{"oom_rss_bytes", "",
          [](E e) {
              return out_of_memory(e, [](const OutOfMemory& o) { return size(o.rss_bytes); });
          }},
    Field{"oom_limit_bytes", "",
          [](E e) {
              return out_of_memory(e, [](const OutOfMemory& o) { return size(o.limit_bytes); });
          }},
    Field{"oom_limit_cgroup", "",
          [](E e) {
              return out_of_memory(e,
                                   [](const OutOfMemory& o) { return untrusted(o.limit_cgroup); });
          }},
    Field{"oom_trigger_pid", "",
          [](E e) {
              return out_of_memory(e, [](const OutOfMemory& o) { return number(o.trigger_pid); });
          }},
    Field{"oom_trigger_comm", "",
          [](E e) {
              return out_of_memory(e, [](const OutOfMemory& o) -> Value {
                  return UntrustedText{o.trigger_comm.view()};
              });
          }},
    Field{"executable", "", [](E e) { return untrusted(death_of(e).executable); }},
    Field{"argv", "", [](E e) { return arguments(death_of(e).argv); }},
    Field{"cwd", "", [](E e) { return untrusted(death_of(e).cwd); }},
    Field{"user", "", [](E e) { return untrusted(death_of(e).user); }},
    Field{"login_user", "", [](E e) { return untrusted(death_of(e).login_user); }},
    Field{"cgroup", "", [](E e) { return untrusted(death_of(e).cgroup); }},
    Field{"systemd_unit", "", [](E e) { return untrusted(death_of(e).unit); }},
    Field{"container_id", "", [](E e) { return untrusted(death_of(e).container); }},
    Field{"born", "", [](E e) -> Value { return UnixTime{death_of(e).started_unix_ns}; }},
    Field{"ancestor_pids", "", [](E e) -> Value { return Numbers(death_of(e).ancestry.pids); }},
    Field{"ancestor_comms", "", [](E e) -> Value { return Comms(death_of(e).ancestry.comms); }},
    Field{"ancestor_start_ns", "",
          [](E e) -> Value { return Numbers(death_of(e).ancestry.start_ns); }},
    Field{"ancestry_cut", "", [](E e) -> Value { return death_of(e).ancestry.cut; }},
    Field{"broken_metrics", "",
          [](E e) { return limit_violations(e, Strings(death_of(e).limits.metrics)); }},
    Field{"broken_limits", "",
          [](E e) { return limit_violations(e, Doubles(death_of(e).limits.limits)); }},
    Field{"broken_peaks", "",
          [](E e) { return limit_violations(e, Doubles(death_of(e).limits.peaks)); }},
    Field{"broken_since", "",
          [](E e) { return limit_violations(e, UnixTimes{death_of(e).limits.since_unix_ns}); }},
};

constexpr auto death_table = joined(death_head, usage_table);

}  // namespace

std::span<const Field> process_fields(Kind kind) {
    switch (kind) {
        case Kind::loss:
        case Kind::unobserved:
            return {};
        case Kind::violation:
        case Kind::death:
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
            return gap_table;
        case Kind::death:
            return death_table;
    }
    CHECK(false);
}

}  // namespace vigil::model
