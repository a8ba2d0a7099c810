// SPDX-License-Identifier: Apache-2.0
#include "capture/pin.h"

#include <fmt/format.h>

#include "base/print.h"
#include "capture/tracer.h"
#include "cli/cli.h"
#include "commands/trace/commands.h"
#include "commands/trace/named_processes.h"
#include "commands/trace/trace_options.h"
#include "host/kernel.h"
#include "host/probe.h"

namespace vigil::commands {
namespace {

Result<void> pin(TraceRequest request) {
    TRY(host::check_can_trace());
    pipeline::EndCondition unused;
    TRY(identify_processes(request, unused));
    TRY_ASSIGN(const bool mounted, capture::ensure_bpffs());
    if (mounted) {
        print(stderr, "vigil: mounted bpffs at {}\n", host::bpffs_path);
    }
    TRY_ASSIGN(capture::TraceOptions options, kernel_options(request));
    options.count_processes = true;
    TRY_ASSIGN(capture::Tracer tracer, capture::Tracer::attach(options));
    if (request.tree) {
        TRY(tracer.watch_tree(*request.tree));
    }
    TRY(tracer.pin(capture::pin_directory));
    print(stdout,
          "pinned at {0}\n"
          "  read it:    sudo vigil trace --pinned\n"
          "  count:      sudo bpftool map dump pinned {0}/process_count\n"
          "  remove it:  sudo vigil unpin\n",
          capture::pin_directory);
    if (capture::is_private_bpffs()) {
        print(stderr,
              "vigil: this {} is not that of process 1 (a mount namespace: a container, 'ip netns "
              "exec', 'unshare'): readers outside do not find the pins, which end with it\n",
              host::bpffs_path);
    }
    return {};
}

}  // namespace

int run_pin(const cli::Arguments& arguments) { return cli::run_parsed(parse_pin(arguments), pin); }

int run_unpin(const cli::Arguments& arguments) {
    cli::OptionParser app(
        "Removes what 'vigil pin' left in the kernel; events that were not read are lost.",
        "vigil unpin");
    if (const auto exit_code = app.parse(arguments)) {
        return *exit_code;
    }
    const auto removed = capture::unpin(capture::pin_directory);
    return removed ? 0 : cli::fail(removed.error());
}

}  // namespace vigil::commands
