// SPDX-License-Identifier: Apache-2.0
// Builds death records (model/death.h) from exits and the death contexts of the processes.
#pragma once

#include <cstdint>
#include <string>

#include "deaths/death_context.h"
#include "host/users.h"
#include "model/death.h"
#include "process/process_observer.h"

namespace vigil::deaths {

// Times at which events of a kind were last lost; CLOCK_BOOTTIME, 0: never. State of processes
// older than that may be out of date.
struct LossTimes {
    uint64_t execs_ns = 0;
    uint64_t signals_ns = 0;
};

// Reuses its buffers from record to record.
class RecordBuilder {
 public:
    // `context` may be null. The event and its views are valid until the next call, and only as
    // long as `exit`.
    const model::Event& build(const process::ProcessExit& exit, const DeathContext* context,
                              const LossTimes& losses);

 private:
    void fill_cause(const process::ProcessEntry& entry, const DeathContext* context,
                    const LossTimes& losses);
    void fill_killer(const SignalRecord& signal);
    void fill_oom(const OomKill& kill);
    void fill_prior_signal(const DeathContext* context, int64_t end_unix_ns, int64_t death_unix_ns);
    void fill_identity(const process::ProcessExit& exit, const LossTimes& losses);
    void fill_limits(const DeathContext* context, int64_t unix_ns);

    model::Event event_;
    model::Death death_;
    std::string user_;
    std::string login_user_;
    std::string killer_user_;
    host::UserNames users_;
};

}  // namespace vigil::deaths
