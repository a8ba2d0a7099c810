// SPDX-License-Identifier: Apache-2.0
// Compares every process of the table with the rules and emits violations. All calls come from the
// monitor's thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/event_sink.h"
#include "process/process_observer.h"
#include "process/process_table.h"
#include "process/slot_vector.h"
#include "rules/engine.h"

namespace vigil::rules {

class LimitMonitor final : public process::ProcessObserver {
 public:
    static constexpr process::Needs observer_needs{.samples = true};

    // Each violation goes to all sinks in order. Table and sinks must outlive the monitor.
    LimitMonitor(const process::ProcessTable& table, std::vector<model::EventSink*> sinks);
    LimitMonitor(const LimitMonitor&) = delete;
    LimitMonitor& operator=(const LimitMonitor&) = delete;

    // Applies these rules from the next measurement on; see Engine::apply().
    void apply(RuleSet rules) { engine_.apply(std::move(rules)); }

    // Compares the newest measurement of each process with the rules at once, without a sweep.
    void evaluate_now();

    // For the user: sentences about users of the rules that don't exist. Read them after apply()
    // and now and then: an answer may come late.
    std::vector<std::string> pop_messages() { return engine_.users().pop_messages(); }

    const Engine& engine() const { return engine_; }

    process::Needs needs() const override { return observer_needs; }
    void on_sample(const process::ProcessEntry& entry) override;
    void on_missing(const process::ProcessEntry& entry) override;
    void on_exit(const process::ProcessExit& exit) override;
    void on_erase(const process::ProcessEntry& entry) override;
    void on_tick(const process::Tick& tick) override;
    void on_end() override;

 private:
    struct ProcessState {
        ProcessLimitState process_limits;
        uint32_t matched_version = 0;  // of the entry; 0: never matched
    };

    void match_if_changed(ProcessState& state, const process::ProcessEntry& entry);
    void emit(const ProcessView& view, const LimitReport& report);

    const process::ProcessTable* table_;
    std::vector<model::EventSink*> sinks_;
    Engine engine_;
    process::SlotVector<ProcessState> states_;
};

}  // namespace vigil::rules
