// SPDX-License-Identifier: Apache-2.0
// vigil watch: limits on one machine, without a server.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "apps/accounting.h"
#include "apps/cli.h"
#include "apps/config_file.h"
#include "apps/watch_loop.h"
#include "apps/watch_options.h"
#include "base/say.h"
#include "capture/tracer.h"
#include "host/probe.h"

namespace vigil::apps {
namespace {

// Forks, execs and exits: what processes run, and their final bills.
Result<capture::Tracer> attach() {
    if (!host::in_initial_pid_namespace()) {
        return Error{ErrorCode::unsupported,
                     "this is a pid namespace: the kernel's pids are not those of /proc here"};
    }
    capture::TraceOptions options;
    options.filter.kinds = model::kind_bit(model::Kind::fork) | model::kind_bit(model::Kind::exec) |
                           model::kind_bit(model::Kind::exit);
    options.wanted = options.filter;
    options.account_network = true;
    return capture::Tracer::attach(options);
}

// What this machine can't tell, so that nobody takes silence for a good sign.
void announce(const WatchRequest& request, const WatchLoop& loop, size_t rules,
              const std::optional<capture::Tracer>& tracer, const std::string& trace_error) {
    const std::string& no_kernel_sweep = loop.watcher().sampler().reason();
    if (!no_kernel_sweep.empty()) {
        say(stderr, "vigil: sampling /proc, which costs more: {}\n", no_kernel_sweep);
    }
    if (!tracer) {
        say(stderr,
            "vigil: processes that live shorter than the interval are not seen, and no network "
            "bytes{}\n",
            trace_error == no_kernel_sweep ? "" : ": " + trace_error);
    } else if (!tracer->accounts_network()) {
        say(stderr, "vigil: network limits can't be held here; 'vigil doctor' says why\n");
    } else if (!no_kernel_sweep.empty()) {
        say(stderr, "vigil: network limits can't be held while a process lives, only at its end\n");
    }
    say(stderr, "vigil: watching with {} rules from {}; Ctrl-C ends\n", rules,
        request.configuration);
}

void print_end(const WatchLoop& loop, std::optional<capture::Tracer>& tracer) {
    say(stderr, "vigil: {} violations told; {} limits broken at the end\n", loop.told(),
        loop.watcher().engine().raised());
    if (loop.unwritten() > 0) {
        say(stderr, "vigil: {} lines could not be written\n", loop.unwritten());
    }
    if (!tracer) {
        return;
    }
    if (const uint64_t calls = tracer->uncounted_calls(); calls > 0) {
        say(stderr, "vigil: up to {} socket calls were not counted\n", calls);
    }
    if (const uint64_t missed = tracer->missed_at_most(); missed > 0) {
        say(stderr, "{}", missed_text(missed));
    }
    const capture::Reader& reader = tracer->reader();
    const capture::Totals totals = reader.totals(reader.cursor());
    for (size_t i = 0; i < totals.size(); i++) {
        if (totals[i].dropped > 0) {
            say(stderr, "vigil: {} {} events were lost: the machine was too busy\n",
                totals[i].dropped, to_string(static_cast<model::Kind>(i)));
        }
    }
}

Result<int> watch(const WatchRequest& request) {
    ConfigFile configuration(request.configuration);
    TRY_ASSIGN(rules::RuleSet rules, configuration.load());
    const size_t rule_count = rules.size();

    auto attached = attach();
    std::optional<capture::Tracer> tracer;
    if (attached) {
        tracer = std::move(*attached);
    }
    sample::SweepOptions sweep;
    if (tracer && tracer->accounts_network()) {
        sweep.processes_fd = tracer->processes_fd();
    }
    capture::Reader* reader = tracer ? &tracer->reader() : nullptr;
    WatchLoop loop(request, configuration, sample::Sampler::open(sweep), reader);
    TRY(loop.open());
    announce(request, loop, rule_count, tracer, attached ? "" : attached.error().context);
    TRY(loop.run(std::move(rules)));
    print_end(loop, tracer);
    return 0;
}

}  // namespace

int run_watch(const Arguments& arguments) {
    const ParsedWatch parsed = parse_watch(arguments);
    if (!parsed.request) {
        return parsed.exit_code;
    }
    const auto exit_code = watch(*parsed.request);
    return exit_code ? *exit_code : fail(exit_code.error());
}

}  // namespace vigil::apps
