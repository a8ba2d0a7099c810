// SPDX-License-Identifier: Apache-2.0
// vigil agent: monitors this machine under the limits of a server.
#include <fmt/format.h>

#include "base/file.h"
#include "base/print.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/source_report.h"
#include "commands/agent/agent.h"
#include "commands/agent/agent_loop.h"
#include "commands/agent/agent_options.h"
#include "host/privileges.h"

namespace vigil::commands {
namespace {

Result<int> watch(const AgentRequest& request) {
    TRY(make_directories(request.state, 0700));
    auto sources = monitor::EventSources::open(agent::Agent::sources_needs);
    TRY(host::keep_monitoring_capabilities(false));
    AgentLoop loop(request, sources, false);
    TRY(loop.open());
    cli::print_limitations(sources);
    print(stderr, "vigil: agent {}; Ctrl-C ends\n", request.name);
    TRY(loop.run());
    print(stderr, "vigil: {} reported; {} left on disk\n", count_of(loop.violations(), "violation"),
          count_of(loop.queued(), "event"));
    cli::print_losses(sources);
    return 0;
}

}  // namespace

int run_agent(const cli::Arguments& arguments) {
    return cli::run_parsed(parse_agent(arguments), watch);
}

}  // namespace vigil::commands
