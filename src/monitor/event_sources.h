// SPDX-License-Identifier: Apache-2.0
// The sources of events and samples: the kernel, as far as this machine and the privileges allow,
// and /proc.
#pragma once

#include <optional>
#include <string>

#include "capture/tracer.h"
#include "process/process_observer.h"
#include "sampling/sampler.h"

namespace vigil::monitor {

class EventSources {
 public:
    // Attaches everything possible for these needs. Never fails, as /proc is always available.
    static EventSources open(const process::Needs& needs);

    // Null if there are no events.
    capture::Tracer* tracer() { return tracer_ ? &*tracer_ : nullptr; }
    const capture::Tracer* tracer() const { return tracer_ ? &*tracer_ : nullptr; }
    capture::RingReader* reader() { return tracer_ ? &tracer_->reader() : nullptr; }
    // Why there are no events; "" if there are.
    const std::string& trace_error() const { return trace_error_; }

    // Call it once: moves the sampler to the monitor.
    sampling::Sampler move_sampler() { return std::move(sampler_); }
    // Why samples come from /proc; "" if they come from the kernel.
    const std::string& no_kernel_sweep() const { return no_kernel_sweep_; }

 private:
    EventSources(std::optional<capture::Tracer> tracer, std::string trace_error,
                 sampling::Sampler sampler);

    std::optional<capture::Tracer> tracer_;
    std::string trace_error_;
    sampling::Sampler sampler_;
    std::string no_kernel_sweep_;
};

}  // namespace vigil::monitor
