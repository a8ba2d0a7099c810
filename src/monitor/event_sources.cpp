// SPDX-License-Identifier: Apache-2.0
#include "monitor/event_sources.h"

#include <utility>

#include "base/result.h"
#include "host/hints.h"
#include "host/kernel.h"
#include "process/table_updater.h"

namespace vigil::monitor {
namespace {

Result<capture::Tracer> attach(const process::Needs& needs) {
    if (!host::in_initial_pid_namespace()) {
        return Error{ErrorCode::unsupported,
                     "this is a PID namespace: the kernel's pids are not those of /proc here: " +
                         host::pid_namespace_hint()};
    }
    capture::TraceOptions options;
    options.filter.kinds = process::TableUpdater::kinds | needs.kinds;
    options.filter.signals = needs.signals;
    options.wanted = options.filter;
    options.account_network = true;
    return capture::Tracer::attach(options);
}

}  // namespace

EventSources::EventSources(std::optional<capture::Tracer> tracer, std::string trace_error,
                           sampling::Sampler sampler)
    : tracer_(std::move(tracer)),
      trace_error_(std::move(trace_error)),
      sampler_(std::move(sampler)),
      no_kernel_sweep_(sampler_.reason()) {}

EventSources EventSources::open(const process::Needs& needs) {
    auto attached = attach(needs);
    std::optional<capture::Tracer> tracer;
    if (attached) {
        tracer = std::move(*attached);
    }
    sampling::ScannerOptions sweep;
    if (tracer && tracer->accounts_network()) {
        sweep.processes_fd = tracer->processes_fd();
    }
    return {std::move(tracer), attached ? "" : attached.error().context,
            sampling::Sampler::open(sweep)};
}

}  // namespace vigil::monitor
