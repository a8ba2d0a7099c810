// SPDX-License-Identifier: Apache-2.0
#include "deaths/death_recorder.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "host/cgroups.h"
#include "model/sample.h"

namespace vigil::deaths {
namespace {

using model::Kind;

// Per process: the last signals of this many numbers, and violations.
constexpr size_t max_signals = 16;
constexpr size_t max_violations = 8;
constexpr size_t max_oom_states = 4096;

// All victims of one hit of a memory limit are killed within this time.
constexpr uint64_t same_hit_ns = ns_per_s;

}  // namespace

DeathContext& DeathRecorder::context_of(const process::ProcessEntry& entry) {
    std::unique_ptr<DeathContext>& context = contexts_[entry.slot];
    if (!context) {
        context = std::make_unique<DeathContext>();
    }
    return *context;
}

void DeathRecorder::on_signal(const process::ProcessEntry* target, const model::Event& event) {
    const auto& signal = std::get<model::Signal>(event.body);
    if (target == nullptr || (signal.result != model::SignalResult::delivered &&
                              signal.result != model::SignalResult::info_lost)) {
        return;
    }
    SignalRecord record;
    record.number = signal.number;
    record.code = signal.code;
    record.source = signal.source;
    record.dumping_core = signal.dumping_core;
    record.unix_ns = event.unix_ns;
    record.sender = signal.sender;
    if (signal.sender) {
        // The sender is the parent that has just exited.
        record.sender_node =
            table_->find_node({.pid = signal.sender->pid, .start_ns = signal.sender->start_ns});
    }
    auto& signals = context_of(*target).signals;
    const auto same = std::find_if(signals.begin(), signals.end(), [&](const SignalRecord& each) {
        return each.number == record.number;
    });
    if (same != signals.end()) {
        signals.erase(same);
    } else if (signals.size() == max_signals) {
        signals.erase(signals.begin());
    }
    signals.push_back(std::move(record));
}

void DeathRecorder::on_oom(const process::ProcessEntry& victim, const model::Event& event) {
    const auto& oom = std::get<model::Oom>(event.body);
    OomKill kill;
    kill.rss_bytes = oom.rss_bytes;
    kill.trigger_pid = oom.trigger_pid;
    kill.trigger_comm = oom.trigger_comm;
    if (victim.cgroup) {
        find_limit(*victim.cgroup, kill);
    }
    context_of(victim).oom = std::move(kill);
}

// The limit that was hit is one whose hit count rose since the last reading, or a moment ago:
// several processes may be killed for one hit. A limit that is read for the first time is only
// certain if its count is 1.
void DeathRecorder::find_limit(const std::string& cgroup, OomKill& kill) {
    if (oom_states_.size() >= max_oom_states) {
        oom_states_.clear();
    }
    const uint64_t now_ns = table_->now_ns();
    for (host::MemoryLimit& limit : host::memory_limits(cgroup)) {
        const auto [it, is_new] = oom_states_.try_emplace(limit.cgroup);
        CgroupOomState& state = it->second;
        if (is_new ? limit.times_hit == 1 : limit.times_hit > state.times_hit) {
            state.hit_ns = now_ns;
        }
        state.times_hit = limit.times_hit;
        if (!kill.limit_bytes && state.hit_ns != 0 && now_ns - state.hit_ns < same_hit_ns) {
            kill.limit_bytes = limit.bytes;
            kill.limit_cgroup = std::move(limit.cgroup);
        }
    }
}

void DeathRecorder::on_event(const model::Event& event) {
    const auto* violation = std::get_if<model::Violation>(&event.body);
    const process::ProcessEntry* entry =
        violation != nullptr ? table_->find(process::key_of(event.process)) : nullptr;
    if (entry == nullptr) {
        return;  // a withheld report: the process has exited
    }
    const std::string_view metric = model::metrics()[model::index(violation->metric)].name;
    auto& violations = context_of(*entry).violations;
    auto it = std::find_if(violations.begin(), violations.end(), [&](const LimitViolation& each) {
        return each.metric == metric && each.limit == violation->limit;
    });
    if (it == violations.end()) {
        if (violations.size() == max_violations) {
            violations.erase(violations.begin());
        }
        it = violations.insert(violations.end(), LimitViolation{});
        it->metric = metric;
        it->limit = violation->limit;
    }
    it->since_unix_ns =
        event.unix_ns - static_cast<int64_t>(std::min<uint64_t>(violation->duration_ns, INT64_MAX));
    it->peak = violation->peak;
    it->last_unix_ns =
        violation->state == model::ViolationState::cleared ? event.unix_ns : INT64_MAX;
}

void DeathRecorder::on_exit(const process::ProcessExit& exit) {
    const auto* context = contexts_.find(exit.entry.slot);
    formatter_->on_event(
        builder_.build(exit, context != nullptr ? context->get() : nullptr, losses_));
}

void DeathRecorder::on_erase(const process::ProcessEntry& entry) { contexts_.reset(entry.slot); }

// A lost signal may be the fatal one: no cause is better than a wrong one.
void DeathRecorder::on_loss(const model::Event& event) {
    const auto& loss = std::get<model::Loss>(event.body);
    if (!loss.kind || *loss.kind == Kind::signal) {
        losses_.signals_ns = table_->now_ns();
        for (const auto& context : contexts_) {
            if (context) {
                context->signals.clear();
            }
        }
    }
    if (!loss.kind || *loss.kind == Kind::exec) {
        losses_.execs_ns = table_->now_ns();
    }
    formatter_->on_event(event);
}

}  // namespace vigil::deaths
