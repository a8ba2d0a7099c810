// SPDX-License-Identifier: Apache-2.0
// What a command that watches sees with: events from the kernel and samples of all processes, as
// far as this machine and these privileges give them.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "capture/tracer.h"
#include "sample/sampler.h"

namespace vigil::apps {

class Observation {
 public:
    enum class Scope { lives, deaths };

    // Attaches what can be attached: never fails, as /proc is always there. Scope::deaths: signals
    // that can end a process, and what the OOM killer does, too.
    static Observation open(Scope scope = Scope::lives);

    // Null where no events come.
    capture::Reader* reader() { return tracer_ ? &tracer_->reader() : nullptr; }
    // Once: the sampler moves to whoever uses it.
    sample::Sampler take_sampler() { return std::move(sampler_); }

    // Why no events come; "" where they do.
    const std::string& trace_error() const { return trace_error_; }

    // What this machine can't tell, so that nobody takes silence for a good sign.
    void announce() const;
    // What was lost, on standard error.
    void print_end();

 private:
    Observation(std::optional<capture::Tracer> tracer, std::string trace_error,
                sample::Sampler sampler);

    std::optional<capture::Tracer> tracer_;
    std::string trace_error_;
    sample::Sampler sampler_;
    std::string no_kernel_sweep_;
};

}  // namespace vigil::apps
