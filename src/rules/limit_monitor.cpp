// SPDX-License-Identifier: Apache-2.0
#include "rules/limit_monitor.h"

#include <utility>

#include "base/clock.h"
#include "host/cgroups.h"

namespace vigil::rules {

LimitMonitor::LimitMonitor(const process::ProcessTable& table, std::vector<model::EventSink*> sinks)
    : table_(&table),
      sinks_(std::move(sinks)),
      engine_([this](const ProcessView& view, const LimitReport& report) { emit(view, report); }) {
    engine_.users().directory().prefetch(0);  // most processes are root's
}

void LimitMonitor::match_if_changed(ProcessState& state, const process::ProcessEntry& entry) {
    if (state.matched_version != entry.version || !engine_.is_current(state.process_limits)) {
        engine_.match(state.process_limits, entry, table_->now_ns());
        state.matched_version = entry.version;
    }
}

void LimitMonitor::on_sample(const process::ProcessEntry& entry) {
    ProcessState& state = states_[entry.slot];
    match_if_changed(state, entry);
    if (Engine::is_watched(state.process_limits)) {
        engine_.evaluate(state.process_limits, entry, entry.usage, entry.usage_from_ns,
                         table_->now_ns());
    }
}

void LimitMonitor::evaluate_now() {
    for (const auto& [pid, entry] : *table_) {
        if (entry.measured_ns == 0) {
            continue;
        }
        ProcessState& state = states_[entry.slot];
        match_if_changed(state, entry);
        engine_.evaluate(state.process_limits, entry, entry.usage, entry.usage_from_ns,
                         entry.measured_ns);
    }
}

void LimitMonitor::on_missing(const process::ProcessEntry& entry) {
    ProcessState& state = states_[entry.slot];
    const uint64_t now_ns = table_->now_ns();
    engine_.on_exit(state.process_limits, entry, {}, now_ns, now_ns);
    state.matched_version = 0;
}

// A late exit changes nothing: the limits were cleared when the process was found missing.
void LimitMonitor::on_exit(const process::ProcessExit& exit) {
    if (exit.late) {
        return;
    }
    ProcessState& state = states_[exit.entry.slot];
    match_if_changed(state, exit.entry);
    engine_.on_exit(state.process_limits, exit.entry, exit.usage, exit.from_ns, table_->now_ns());
}

void LimitMonitor::on_erase(const process::ProcessEntry& entry) { states_.reset(entry.slot); }

void LimitMonitor::on_tick(const process::Tick& /*tick*/) {
    engine_.refresh_users();
    engine_.flush_suppressed(table_->now_ns());
}

void LimitMonitor::on_end() { engine_.flush_suppressed(UINT64_MAX); }

void LimitMonitor::emit(const ProcessView& view, const LimitReport& report) {
    model::Violation violation;
    violation.state = report.state;
    violation.metric = report.metric;
    violation.value = report.value;
    violation.limit = report.limit;
    violation.rule = report.rule->process;
    violation.peak = report.peak;
    violation.mean = report.mean;
    violation.duration_ns = report.duration_ns;
    violation.exited = report.exited;
    violation.similar = report.similar;
    const std::string user = engine_.users().directory().name(view.process.uid);
    violation.user = user;
    if (view.image) {
        if (!view.image->file.empty()) {
            violation.executable = view.image->file;
        }
        violation.argv = view.image->argv;
    }
    if (view.cgroup) {
        violation.cgroup = *view.cgroup;
        violation.unit = host::systemd_unit(*view.cgroup);
    }
    model::Event event;
    event.kind = model::Kind::violation;
    event.boot_ns = table_->now_ns();
    event.unix_ns = to_unix_ns(event.boot_ns, unix_minus_boot_ns());
    event.process = view.process;
    event.body = violation;
    for (model::EventSink* formatter : sinks_) {
        formatter->on_event(event);
    }
}

}  // namespace vigil::rules
