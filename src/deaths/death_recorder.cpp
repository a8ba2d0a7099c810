// SPDX-License-Identifier: Apache-2.0
#include "deaths/death_recorder.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "host/cgroups.h"
#include "host/memory.h"
#include "host/procfs.h"
#include "model/sample.h"
#include "model/wrappers.h"

namespace vigil::deaths {
namespace {

using model::Kind;

// Per process: the last signals of this many numbers, and violations.
constexpr size_t max_signals = 16;
constexpr size_t max_violations = 8;
constexpr size_t max_oom_states = 4096;
constexpr size_t max_children = 4;

// The first exit code that is about a command: it could not be run.
constexpr int min_reported_code = 126;

// All victims of one hit of a memory limit are killed within this time.
constexpr uint64_t same_hit_ns = ns_per_s;

// An exiting process is in the root of version 1: then the process whose allocation failed shows
// the cgroup, or one below it.
std::vector<host::MemoryLimit> limits_of(const process::ProcessEntry& victim,
                                         uint32_t trigger_pid) {
    std::vector<host::MemoryLimit> limits;
    if (victim.cgroup) {
        limits = host::memory_limits(*victim.cgroup);
    }
    for (const uint32_t pid : {victim.process.pid, trigger_pid}) {
        const auto path = limits.empty() ? host::read_memory_cgroup(pid) : std::nullopt;
        if (path) {
            limits = host::memory_limits_v1(*path);
        }
    }
    if (limits.empty() && victim.memory_cgroup) {
        limits = host::memory_limits_v1(*victim.memory_cgroup);  // as it was last seen
    }
    if (limits.empty() && victim.cgroup) {
        limits = host::memory_limits_v1(*victim.cgroup);  // the hierarchies often have equal paths
    }
    return limits;
}

// Enough beside what the victim held, which may be free by now: the machine was not out of memory.
bool machine_has_memory(const OomKill& kill) {
    constexpr uint64_t spare_parts = 20;
    const auto memory = host::read_memory();
    return memory &&
           memory->available_bytes > kill.rss_bytes.value_or(0) + memory->total_bytes / spare_parts;
}

void erase_child(std::vector<ChildExit>& children, uint64_t pid, uint64_t start_ns) {
    std::erase_if(children, [&](const ChildExit& each) {
        return each.death.pid == pid && each.death.start_ns == start_ns;
    });
}

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
    record.near_stack = signal.near_stack;
    record.boot_ns = event.boot_ns;
    record.sender = signal.sender;
    if (signal.sender) {
        record.is_own = signal.sender->pid == event.process.pid;
        // With parent_death the sender is the parent that has just exited.
        record.sender_node =
            table_->find_node({.pid = signal.sender->pid, .start_ns = signal.sender->start_ns});
    }
    keep_kill_for_parent(event);
    auto& signals = context_of(*target).signals;
    const auto same = std::find_if(signals.begin(), signals.end(), [&](const SignalRecord& each) {
        return each.number == record.number;
    });
    if (same != signals.end()) {
        if (record.is_own && !same->is_own &&
            record.boot_ns - std::min(record.boot_ns, same->boot_ns) <=
                response_timeout_ns(record.number)) {
            same->raised_again_ns = record.boot_ns;
            return;
        }
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
    find_limit(limits_of(victim, oom.trigger_pid), kill);
    context_of(victim).oom = std::move(kill);
}

// The limit that was hit is one that was hit once more than when it was last read, or a moment ago:
// several processes may be killed for it. Of a limit that is read for the first time only the first
// hit of all is sure to be this one; where the machine has memory, also the only one that was ever
// hit.
void DeathRecorder::find_limit(std::vector<host::MemoryLimit> limits, OomKill& kill) {
    if (oom_states_.size() >= max_oom_states) {
        oom_states_.clear();
    }
    const uint64_t now_ns = table_->now_ns();
    host::MemoryLimit* found = nullptr;
    host::MemoryLimit* likely = nullptr;
    size_t likely_count = 0;
    for (host::MemoryLimit& limit : limits) {
        if (limit.times_hit > 0) {
            likely = likely == nullptr ? &limit : likely;
            likely_count++;
        }
        if (!limit.counts_oom) {
            continue;
        }
        const auto [it, is_new] = oom_states_.try_emplace(limit.cgroup);
        CgroupOomState& state = it->second;
        if (is_new ? limit.times_hit == 1 : limit.times_hit > state.times_hit) {
            state.hit_ns = now_ns;
        }
        state.times_hit = limit.times_hit;
        if (found == nullptr && state.hit_ns != 0 && now_ns - state.hit_ns < same_hit_ns) {
            found = &limit;
        }
    }
    if (found != nullptr || machine_has_memory(kill)) {
        kill.limited = true;
        found = found == nullptr && likely_count == 1 ? likely : found;
    }
    if (found != nullptr) {
        kill.limit_bytes = found->bytes;
        kill.limit_cgroup = std::move(found->cgroup);
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
    it->since_ns = event.boot_ns - std::min(violation->duration_ns, event.boot_ns);
    it->peak = violation->peak;
    it->last_ns = violation->state == model::ViolationState::cleared ? event.boot_ns : UINT64_MAX;
}

void DeathRecorder::on_exit(const process::ProcessExit& exit) {
    const auto* context = contexts_.find(exit.entry.slot);
    const model::Event& death =
        builder_.build(exit, context != nullptr ? context->get() : nullptr, losses_,
                       exit.exit.tracer_pid != 0 ? table_->find(exit.exit.tracer_pid) : nullptr);
    formatter_->on_event(death);
    keep_for_parent(death);
}

// A shell or wrapper reports the end of its command as its own.
void DeathRecorder::keep_for_parent(const model::Event& event) {
    const model::Death& death = *std::get<const model::Death*>(event.body);
    if (model::shell_exit_code(death.exit.signal(), death.exit.code()) < min_reported_code) {
        forget_child(event);
        return;
    }
    add_child(event, {.pid = event.process.pid,
                      .start_ns = event.process.start_ns,
                      .comm = event.process.comm,
                      .cause = death.cause,
                      .signal = death.exit.signal(),
                      .exit_code = death.exit.code()});
}

// `timeout -s KILL` kills its command and then itself, and may end first. Nothing survives SIGKILL.
void DeathRecorder::keep_kill_for_parent(const model::Event& event) {
    const auto& signal = std::get<model::Signal>(event.body);
    if (signal.number == SIGKILL && signal.source == model::SignalSource::user && signal.sender &&
        signal.sender->pid == event.process.ppid) {
        add_child(event, {.pid = event.process.pid,
                          .start_ns = event.process.start_ns,
                          .comm = event.process.comm,
                          .cause = model::Cause::signal,
                          .signal = SIGKILL});
    }
}

// A SIGKILL that came while the child was exiting has not ended it.
void DeathRecorder::forget_child(const model::Event& event) {
    const process::ProcessEntry* parent = table_->find(event.process.ppid);
    const auto* context = parent != nullptr ? contexts_.find(parent->slot) : nullptr;
    if (context != nullptr && *context) {
        erase_child((*context)->children, event.process.pid, event.process.start_ns);
    }
}

void DeathRecorder::add_child(const model::Event& event, const model::ChildDeath& death) {
    const process::ProcessEntry* parent = table_->find(event.process.ppid);
    if (parent == nullptr || parent->process.start_ns > event.process.start_ns) {
        return;
    }
    auto& children = context_of(*parent).children;
    erase_child(children, death.pid, death.start_ns);
    if (children.size() == max_children) {
        children.erase(children.begin());
    }
    children.push_back({.boot_ns = event.boot_ns, .death = death});
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
