// SPDX-License-Identifier: Apache-2.0
#include "apps/observation.h"

#include <utility>

#include "apps/accounting.h"
#include "base/say.h"
#include "history/registrar.h"
#include "host/probe.h"

namespace vigil::apps {
namespace {

// Forks, execs and exits: what processes run, and their final bills.
Result<capture::Tracer> attach(Observation::Scope scope) {
    if (!host::in_initial_pid_namespace()) {
        return Error{ErrorCode::unsupported,
                     "this is a pid namespace: the kernel's pids are not those of /proc here"};
    }
    capture::TraceOptions options;
    options.filter.kinds = model::kind_bit(model::Kind::fork) | model::kind_bit(model::Kind::exec) |
                           model::kind_bit(model::Kind::exit);
    if (scope == Observation::Scope::deaths) {
        options.filter.kinds |=
            model::kind_bit(model::Kind::signal) | model::kind_bit(model::Kind::oom);
        options.filter.signals = history::deadly_signals;
    }
    options.wanted = options.filter;
    options.account_network = true;
    return capture::Tracer::attach(options);
}

}  // namespace

Observation::Observation(std::optional<capture::Tracer> tracer, std::string trace_error,
                         sample::Sampler sampler)
    : tracer_(std::move(tracer)),
      trace_error_(std::move(trace_error)),
      sampler_(std::move(sampler)),
      no_kernel_sweep_(sampler_.reason()) {}

Observation Observation::open(Scope scope) {
    auto attached = attach(scope);
    std::optional<capture::Tracer> tracer;
    if (attached) {
        tracer = std::move(*attached);
    }
    sample::SweepOptions sweep;
    if (tracer && tracer->accounts_network()) {
        sweep.processes_fd = tracer->processes_fd();
    }
    return {std::move(tracer), attached ? "" : attached.error().context,
            sample::Sampler::open(sweep)};
}

void Observation::announce() const {
    if (!no_kernel_sweep_.empty()) {
        say(stderr, "vigil: sampling /proc, which costs more: {}\n", no_kernel_sweep_);
    }
    if (!tracer_) {
        say(stderr,
            "vigil: processes that live shorter than the interval are not seen, and no network "
            "bytes{}\n",
            trace_error_ == no_kernel_sweep_ ? "" : ": " + trace_error_);
    } else if (!tracer_->accounts_network()) {
        say(stderr, "vigil: network limits can't be held here; 'vigil doctor' says why\n");
    } else if (!no_kernel_sweep_.empty()) {
        say(stderr, "vigil: network limits can't be held while a process lives, only at its end\n");
    }
}

void Observation::print_end() {
    if (!tracer_) {
        return;
    }
    if (const uint64_t calls = tracer_->uncounted_calls(); calls > 0) {
        say(stderr, "vigil: up to {} socket calls were not counted\n", calls);
    }
    if (const uint64_t missed = tracer_->missed_at_most(); missed > 0) {
        say(stderr, "{}", missed_text(missed));
    }
    const capture::Reader& reader = tracer_->reader();
    const capture::Totals totals = reader.totals(reader.cursor());
    for (size_t i = 0; i < totals.size(); i++) {
        if (totals[i].dropped > 0) {
            say(stderr, "vigil: {} {} events were lost: the machine was too busy\n",
                totals[i].dropped, to_string(static_cast<model::Kind>(i)));
        }
    }
}

}  // namespace vigil::apps
