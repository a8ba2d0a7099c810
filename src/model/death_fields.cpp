// SPDX-License-Identifier: Apache-2.0
// The rows of a death.
#include <utility>

#include "model/field_rows.h"

namespace vigil::model {
namespace {

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
Value response(E event, Value (*get)(const SignalResponse&)) {
    return group(death_of(event).response, get);
}
Value child(E event, Value (*get)(const ChildDeath&)) { return group(death_of(event).child, get); }
Value out_of_memory(E event, Value (*get)(const OutOfMemory&)) {
    return group(death_of(event).oom, get);
}

template <class List>
Value limit_violations(E event, List list) {
    return death_of(event).limits.metrics.empty() ? Value{Omitted{}} : Value{std::move(list)};
}

template <auto... path>
Slot time_slot(ParsedRecord& record) {
    return Time{&(*std::get_if<R>(&record).*....*path)};
}
template <auto... path>
Slot time_list_slot(ParsedRecord& record) {
    return TimeList{&(*std::get_if<R>(&record).*....*path)};
}

constexpr std::array death_head{
    Field{keys::cause, "", [](E e) -> Value { return to_string(death_of(e).cause); },
          slot<&R::cause>},
    Field{keys::exit_code, "", [](E e) { return exit_code(exit_of(e)); }, slot<&R::exit_code>},
    Field{"exit_signal", "", [](E e) { return exit_signal(exit_of(e)); },
          signal_slot<&R::exit_signal>},
    Field{"core_dumped", "", [](E e) -> Value { return exit_of(e).core_dumped(); },
          slot<&R::core_dumped>},
    Field{"signal", "",
          [](E e) {
              const int signal = death_of(e).signal;
              return signal != 0 ? Value{signal_name(signal)} : Value{Unknown{}};
          },
          signal_slot<&R::signal>},
    Field{"signal_source", "",
          [](E e) {
              return maybe(death_of(e).source,
                           [](SignalSource source) -> Value { return to_string(source); });
          },
          slot<&R::source>},
    Field{"signal_code", "",
          [](E e) { return maybe(death_of(e).code, [](int code) { return integer(code); }); },
          slot<&R::code>},
    Field{"signal_near_stack", "",
          [](E e) { return death_of(e).near_stack ? Value{true} : Value{Omitted{}}; },
          slot<&R::near_stack>},
    Field{"signal_time", "", [](E e) { return time(death_of(e).signal_unix_ns); },
          time_slot<&R::signal_unix_ns>},
    Field{"killer_pid", "",
          [](E e) { return killer(e, [](const Killer& k) { return number(k.pid); }); },
          slot<&R::killer, &R::Killer::pid>},
    Field{"killer_start_ns", "",
          [](E e) { return killer(e, [](const Killer& k) { return number(k.start_ns); }); },
          slot<&R::killer, &R::Killer::start_ns>},
    Field{"killer_comm", "",
          [](E e) {
              return killer(e,
                            [](const Killer& k) -> Value { return UntrustedText{k.comm.view()}; });
          },
          slot<&R::killer, &R::Killer::comm>},
    Field{"killer_uid", "",
          [](E e) { return killer(e, [](const Killer& k) { return number(k.uid); }); },
          slot<&R::killer, &R::Killer::uid>},
    Field{"killer_user", "",
          [](E e) { return killer(e, [](const Killer& k) { return untrusted(k.user); }); },
          slot<&R::killer, &R::Killer::user>},
    Field{"killer_executable", "",
          [](E e) { return killer(e, [](const Killer& k) { return untrusted(k.executable); }); },
          slot<&R::killer, &R::Killer::executable>},
    Field{"killer_argv", "",
          [](E e) { return killer(e, [](const Killer& k) { return arguments(k.argv); }); },
          slot<&R::killer, &R::Killer::argv>},
    Field{"killer_ancestor_pids", "",
          [](E e) {
              return killer(e, [](const Killer& k) -> Value { return Numbers(k.ancestry.pids); });
          },
          slot<&R::killer, &R::Killer::ancestors, &R::Ancestors::pids>},
    Field{"killer_ancestor_comms", "",
          [](E e) {
              return killer(e, [](const Killer& k) -> Value { return Comms(k.ancestry.comms); });
          },
          slot<&R::killer, &R::Killer::ancestors, &R::Ancestors::comms>},
    Field{"killer_ancestor_start_ns", "",
          [](E e) {
              return killer(e,
                            [](const Killer& k) -> Value { return Numbers(k.ancestry.start_ns); });
          },
          slot<&R::killer, &R::Killer::ancestors, &R::Ancestors::start_ns>},
    Field{"killer_ancestry_cut", "",
          [](E e) { return killer(e, [](const Killer& k) -> Value { return k.ancestry.cut; }); },
          slot<&R::killer, &R::Killer::ancestors, &R::Ancestors::cut>},
    Field{"response_signal", "",
          [](E e) {
              return response(
                  e, [](const SignalResponse& r) -> Value { return signal_name(r.number); });
          },
          signal_slot<&R::response_signal>},
    Field{"response_time", "",
          [](E e) {
              return response(e,
                              [](const SignalResponse& r) -> Value { return UnixTime{r.unix_ns}; });
          },
          time_slot<&R::response_unix_ns>},
    Field{"before_signal", "",
          [](E e) {
              return prior(e, [](const PriorSignal& s) -> Value { return signal_name(s.number); });
          },
          signal_slot<&R::prior, &R::PriorSignal::number>},
    Field{"before_source", "",
          [](E e) {
              return prior(e, [](const PriorSignal& s) -> Value { return to_string(s.source); });
          },
          slot<&R::prior, &R::PriorSignal::source>},
    Field{"before_time", "",
          [](E e) {
              return prior(e, [](const PriorSignal& s) -> Value { return UnixTime{s.unix_ns}; });
          },
          time_slot<&R::prior, &R::PriorSignal::unix_ns>},
    Field{"before_pid", "",
          [](E e) { return prior_sender(e, [](const Sender& s) { return number(s.pid); }); },
          slot<&R::prior, &R::PriorSignal::pid>},
    Field{"before_start_ns", "",
          [](E e) { return prior_sender(e, [](const Sender& s) { return number(s.start_ns); }); },
          slot<&R::prior, &R::PriorSignal::start_ns>},
    Field{"before_comm", "",
          [](E e) {
              return prior_sender(
                  e, [](const Sender& s) -> Value { return UntrustedText{s.comm.view()}; });
          },
          slot<&R::prior, &R::PriorSignal::comm>},
    Field{"before_uid", "",
          [](E e) { return prior_sender(e, [](const Sender& s) { return number(s.uid); }); },
          slot<&R::prior, &R::PriorSignal::uid>},
    Field{"before_parent_pid", "",
          [](E e) {
              return prior(e, [](const PriorSignal& s) {
                  return maybe(s.parent_pid, [](uint32_t pid) { return number(pid); });
              });
          },
          slot<&R::prior, &R::PriorSignal::parent_pid>},
    Field{"before_parent_comm", "",
          [](E e) {
              return prior(e, [](const PriorSignal& s) {
                  return s.parent_pid ? Value{UntrustedText{s.parent_comm.view()}}
                                      : Value{Unknown{}};
              });
          },
          slot<&R::prior, &R::PriorSignal::parent_comm>},
    Field{"oom_rss_bytes", "",
          [](E e) {
              return out_of_memory(e, [](const OutOfMemory& o) { return size(o.rss_bytes); });
          },
          slot<&R::oom, &R::OutOfMemory::rss_bytes>},
    Field{"oom_limit_bytes", "",
          [](E e) {
              return out_of_memory(e, [](const OutOfMemory& o) { return size(o.limit_bytes); });
          },
          slot<&R::oom, &R::OutOfMemory::limit_bytes>},
    Field{"oom_limit_cgroup", "",
          [](E e) {
              return out_of_memory(e,
                                   [](const OutOfMemory& o) { return untrusted(o.limit_cgroup); });
          },
          slot<&R::oom, &R::OutOfMemory::limit_cgroup>},
    Field{"oom_trigger_pid", "",
          [](E e) {
              return out_of_memory(e, [](const OutOfMemory& o) { return number(o.trigger_pid); });
          },
          slot<&R::oom, &R::OutOfMemory::trigger_pid>},
    Field{"oom_trigger_comm", "",
          [](E e) {
              return out_of_memory(e, [](const OutOfMemory& o) -> Value {
                  return UntrustedText{o.trigger_comm.view()};
              });
          },
          slot<&R::oom, &R::OutOfMemory::trigger_comm>},
    Field{"oom_limited", "",
          [](E e) {
              return out_of_memory(e, [](const OutOfMemory& o) {
                  return maybe(o.limited, [](bool limited) -> Value { return limited; });
              });
          },
          slot<&R::oom, &R::OutOfMemory::limited>},
    Field{"child_pid", "",
          [](E e) { return child(e, [](const ChildDeath& c) { return number(c.pid); }); },
          slot<&R::child, &R::ChildDeath::pid>},
    Field{"child_start_ns", "",
          [](E e) { return child(e, [](const ChildDeath& c) { return number(c.start_ns); }); },
          slot<&R::child, &R::ChildDeath::start_ns>},
    Field{"child_comm", "",
          [](E e) {
              return child(
                  e, [](const ChildDeath& c) -> Value { return UntrustedText{c.comm.view()}; });
          },
          slot<&R::child, &R::ChildDeath::comm>},
    Field{"child_cause", "",
          [](E e) {
              return child(e, [](const ChildDeath& c) -> Value { return to_string(c.cause); });
          },
          slot<&R::child, &R::ChildDeath::cause>},
    Field{"child_exit_code", "",
          [](E e) {
              return child(e, [](const ChildDeath& c) {
                  return c.signal == 0 ? integer(c.exit_code) : Value{Unknown{}};
              });
          },
          slot<&R::child, &R::ChildDeath::exit_code>},
    Field{"child_signal", "",
          [](E e) {
              return child(e, [](const ChildDeath& c) {
                  return c.signal != 0 ? Value{signal_name(c.signal)} : Value{Unknown{}};
              });
          },
          signal_slot<&R::child, &R::ChildDeath::signal>},
    Field{"executable", "", [](E e) { return untrusted(death_of(e).executable); },
          slot<&R::executable>},
    Field{"argv", "", [](E e) { return arguments(death_of(e).argv); }, slot<&R::argv>},
    Field{"cwd", "", [](E e) { return untrusted(death_of(e).cwd); }, slot<&R::cwd>},
    Field{"user", "", [](E e) { return untrusted(death_of(e).user); }, slot<&R::user>},
    Field{"login_user", "", [](E e) { return untrusted(death_of(e).login_user); },
          slot<&R::login_user>},
    Field{"cgroup", "", [](E e) { return untrusted(death_of(e).cgroup); }, slot<&R::cgroup>},
    Field{"systemd_unit", "", [](E e) { return untrusted(death_of(e).unit); }, slot<&R::unit>},
    Field{"container_id", "", [](E e) { return untrusted(death_of(e).container); },
          slot<&R::container>},
    Field{"born", "", [](E e) -> Value { return UnixTime{death_of(e).started_unix_ns}; },
          time_slot<&R::started_unix_ns>},
    Field{"ancestor_pids", "", [](E e) -> Value { return Numbers(death_of(e).ancestry.pids); },
          slot<&R::ancestors, &R::Ancestors::pids>},
    Field{"ancestor_comms", "", [](E e) -> Value { return Comms(death_of(e).ancestry.comms); },
          slot<&R::ancestors, &R::Ancestors::comms>},
    Field{"ancestor_start_ns", "",
          [](E e) -> Value { return Numbers(death_of(e).ancestry.start_ns); },
          slot<&R::ancestors, &R::Ancestors::start_ns>},
    Field{"ancestry_cut", "", [](E e) -> Value { return death_of(e).ancestry.cut; },
          slot<&R::ancestors, &R::Ancestors::cut>},
    Field{"broken_metrics", "",
          [](E e) { return limit_violations(e, Strings(death_of(e).limits.metrics)); },
          slot<&R::limits, &R::LimitViolations::metrics>},
    Field{"broken_limits", "",
          [](E e) { return limit_violations(e, Doubles(death_of(e).limits.limits)); },
          slot<&R::limits, &R::LimitViolations::limits>},
    Field{"broken_peaks", "",
          [](E e) { return limit_violations(e, Doubles(death_of(e).limits.peaks)); },
          slot<&R::limits, &R::LimitViolations::peaks>},
    Field{"broken_since", "",
          [](E e) { return limit_violations(e, UnixTimes{death_of(e).limits.since_unix_ns}); },
          time_list_slot<&R::limits, &R::LimitViolations::since_unix_ns>},
};

constexpr auto death_table = joined(death_head, usage_table);

static_assert(std::all_of(death_table.begin(), death_table.end(),
                          [](const Field& field) { return field.slot != nullptr; }),
              "a row of a death that can't be read back");

}  // namespace

std::span<const Field> death_fields() { return death_table; }

}  // namespace vigil::model
