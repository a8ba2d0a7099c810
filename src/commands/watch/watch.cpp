// SPDX-License-Identifier: Apache-2.0
// vigil watch: monitors limits on one machine, without a server.
#include <fmt/format.h>

#include <utility>

#include "base/print.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/source_report.h"
#include "commands/watch/watch.h"
#include "commands/watch/watch_loop.h"
#include "commands/watch/watch_options.h"
#include "host/privileges.h"
#include "monitor/event_sources.h"
#include "rules/config_file.h"

namespace vigil::commands {
namespace {

Result<int> watch(const WatchRequest& request) {
    rules::ConfigFile configuration(request.configuration);
    TRY_ASSIGN(rules::RuleSet rules, configuration.load());
    auto sources = monitor::EventSources::open(rules::LimitMonitor::observer_needs);
    TRY(host::keep_monitoring_capabilities(request.log.has_value()));
    WatchLoop loop(request, configuration, sources);
    TRY(loop.open());
    cli::print_limitations(sources);
    print(stderr, "vigil: watching with {} from {}; Ctrl-C ends\n", count_of(rules.size(), "rule"),
          request.configuration);
    TRY(loop.run(std::move(rules)));
    print(stderr, "vigil: {} reported; {} exceeded at the end\n",
          count_of(loop.reported_violations(), "violation"),
          count_of(loop.limits().engine().raised(), "limit"));
    if (loop.unwritten() > 0) {
        print(stderr, "vigil: {} could not be written\n", count_of(loop.unwritten(), "line"));
    }
    cli::print_losses(sources);
    return 0;
}

}  // namespace

int run_watch(const cli::Arguments& arguments) {
    return cli::run_parsed(parse_watch(arguments), watch);
}

}  // namespace vigil::commands
