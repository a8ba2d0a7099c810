// SPDX-License-Identifier: Apache-2.0
// Emits a death record (model/death.h) for each exit: how the process ended, and what caused it. On
// the monitor's thread.
//
// The kernel emits a signal before the exit that it causes, so the last delivered signal with the
// exit's number is the cause, and its sender is described as of that time, by the events before it.
#pragma once

#include <csignal>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "deaths/death_context.h"
#include "deaths/record_builder.h"
#include "host/cgroups.h"
#include "model/event_sink.h"
#include "model/signals.h"
#include "process/process_observer.h"
#include "process/process_table.h"
#include "process/slot_vector.h"

namespace vigil::deaths {

// The signals that can end a process: all except those that by default are ignored, stop the
// process or continue it (signal(7)).
constexpr model::SignalSet fatal_signals =
    ~(model::signal_bit(SIGCHLD) | model::signal_bit(SIGCONT) | model::signal_bit(SIGURG) |
      model::signal_bit(SIGWINCH) | model::signal_bit(SIGSTOP) | model::signal_bit(SIGTSTP) |
      model::signal_bit(SIGTTIN) | model::signal_bit(SIGTTOU));

// As an event sink it receives violations, for the record of the process that exceeds the limit.
class DeathRecorder final : public process::ProcessObserver, public model::EventSink {
 public:
    static constexpr process::Needs observer_needs{
        .kinds = model::kind_bit(model::Kind::signal) | model::kind_bit(model::Kind::oom),
        .signals = fatal_signals,
        .ancestry = true,
        .working_directory = true};

    // `formatter` receives an event of kind death for each exit, and each loss. Both must outlive
    // the recorder.
    DeathRecorder(const process::ProcessTable& table, model::EventSink& formatter)
        : table_(&table), formatter_(&formatter) {}
    DeathRecorder(const DeathRecorder&) = delete;
    DeathRecorder& operator=(const DeathRecorder&) = delete;

    process::Needs needs() const override { return observer_needs; }
    void on_signal(const process::ProcessEntry* target, const model::Event& event) override;
    void on_oom(const process::ProcessEntry& victim, const model::Event& event) override;
    void on_exit(const process::ProcessExit& exit) override;
    void on_erase(const process::ProcessEntry& entry) override;
    void on_loss(const model::Event& event) override;

    void on_event(const model::Event& violation) override;

 private:
    struct CgroupOomState {
        uint64_t times_hit = 0;  // at the last reading
        uint64_t hit_ns = 0;     // time of the last observed hit; 0: none
    };

    DeathContext& context_of(const process::ProcessEntry& entry);
    void keep_for_parent(const model::Event& event);
    void keep_kill_for_parent(const model::Event& event);
    void add_child(const model::Event& event, const model::ChildDeath& death);
    void forget_child(const model::Event& event);
    void find_limit(std::vector<host::MemoryLimit> limits, OomKill& kill);

    const process::ProcessTable* table_;
    model::EventSink* formatter_;
    RecordBuilder builder_;
    process::SlotVector<std::unique_ptr<DeathContext>> contexts_;
    std::unordered_map<std::string, CgroupOomState> oom_states_;  // by cgroup
    LossTimes losses_;
};

}  // namespace vigil::deaths
