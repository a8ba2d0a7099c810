// SPDX-License-Identifier: Apache-2.0
// Builds death records (model/death.h) from exits and the death contexts of the processes.
#pragma once

#include <cstdint>
#include <string>

#include "deaths/death_context.h"
#include "host/kernel.h"
#include "host/users.h"
#include "model/death.h"
#include "process/process_observer.h"

namespace vigil::deaths {

// A process that catches a signal and ends itself with one does so within this time: cleaning up
// may take as long as a service manager waits; a crash handler only reports.
uint64_t response_timeout_ns(int number);

// Times at which events of a kind were last lost; CLOCK_BOOTTIME, 0: never. State of processes
// older than that may be out of date.
struct LossTimes {
    uint64_t execs_ns = 0;
    uint64_t signals_ns = 0;
};

// Reuses its buffers from record to record.
class RecordBuilder {
 public:
    // Most processes are root's.
    RecordBuilder() { users_.prefetch(0); }

    // `context` and `tracer`, which traced the process by ptrace(2), may be null. The event and its
    // views are valid until the next call, and only as long as `exit`.
    const model::Event& build(const process::ProcessExit& exit, const DeathContext* context,
                              const LossTimes& losses,
                              const process::ProcessEntry* tracer = nullptr);

 private:
    void fill_cause(const process::ProcessEntry& entry, const DeathContext* context,
                    const LossTimes& losses, const process::ProcessEntry* tracer);
    void fill_unseen_cause(bool none_lost, const process::ProcessEntry* tracer);
    void fill_killer(const model::Sender& sender, const process::NodePtr& node);
    void fill_oom(const OomKill& kill);
    void fill_prior_signal(const DeathContext* context);
    void fill_child(const process::ProcessEntry& entry, const DeathContext* context);
    void fill_identity(const process::ProcessExit& exit, const LossTimes& losses);
    void fill_limits(const DeathContext* context);
    // In the clock as it was set when the process ended.
    int64_t to_unix_ns(uint64_t boot_ns) const;

    model::Event event_;
    uint64_t cause_ns_ = 0;  // when the fatal signal, or the exit, was generated
    model::Death death_;
    std::string user_;
    std::string login_user_;
    std::string killer_user_;
    const std::string boot_id_ = host::boot_id();
    host::UserDirectory users_;
};

}  // namespace vigil::deaths
