// SPDX-License-Identifier: Apache-2.0
// vigil watch: limits on one machine, without a server.
#include <fmt/format.h>

#include <utility>

#include "apps/cli.h"
#include "apps/source_report.h"
#include "apps/watch_loop.h"
#include "apps/watch_options.h"
#include "base/say.h"
#include "monitor/event_sources.h"
#include "rules/config_file.h"

namespace vigil::apps {
namespace {

Result<int> watch(const WatchRequest& request) {
    rules::ConfigFile configuration(request.configuration);
    TRY_ASSIGN(rules::RuleSet rules, configuration.load());
    auto sources = monitor::EventSources::open(rules::LimitMonitor::observer_needs);
    WatchLoop loop(request, configuration, sources);
    TRY(loop.open());
    print_limitations(sources);
    say(stderr, "vigil: watching with {} rules from {}; Ctrl-C ends\n", rules.size(),
        request.configuration);
    TRY(loop.run(std::move(rules)));
    say(stderr, "vigil: {} violations told; {} limits broken at the end\n", loop.told(),
        loop.limits().engine().raised());
    if (loop.unwritten() > 0) {
        say(stderr, "vigil: {} lines could not be written\n", loop.unwritten());
    }
    print_losses(sources);
    return 0;
}

}  // namespace

int run_watch(const Arguments& arguments) { return run_asked(parse_watch(arguments), watch); }

}  // namespace vigil::apps
