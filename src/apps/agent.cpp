// SPDX-License-Identifier: Apache-2.0
// vigil agent: this machine under the limits that a server hands out.
#include <fmt/format.h>
#include <linux/capability.h>

#include "apps/agent_loop.h"
#include "apps/agent_options.h"
#include "apps/cli.h"
#include "apps/source_report.h"
#include "base/file.h"
#include "base/say.h"
#include "host/privileges.h"

namespace vigil::apps {
namespace {

Result<int> watch(const AgentRequest& request) {
    TRY(make_folders(request.state, 0700));
    auto sources = monitor::EventSources::open(agent::Agent::sources_needs);
    TRY(host::keep_only_capabilities({CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH}));
    AgentLoop loop(request, sources, false);
    TRY(loop.open());
    print_limitations(sources);
    say(stderr, "vigil: agent {}; Ctrl-C ends\n", request.name);
    TRY(loop.run());
    say(stderr, "vigil: {} violations told; {} events wait on disk\n", loop.violations(),
        loop.queued());
    print_losses(sources);
    return 0;
}

}  // namespace

int run_agent(const Arguments& arguments) { return run_asked(parse_agent(arguments), watch); }

}  // namespace vigil::apps
