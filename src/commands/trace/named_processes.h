// SPDX-License-Identifier: Apache-2.0
// The processes that -p, --sender, --target and --tree name: which ones they are, and when they
// have ended.
#pragma once

#include "base/result.h"
#include "commands/trace/trace_options.h"
#include "pipeline/end_condition.h"

namespace vigil::commands {

// Fails in a PID namespace if the request has a pid or a command: the kernel side compares pids of
// the initial namespace, and those here are others.
Result<void> check_pid_namespace(const TraceRequest& request);

// Adds the start time of each named process to the filter, so that a later process with the same
// pid is another one. Fails if a pid is that of no living process. `end` is reached once a named
// process has ended; the tree is not watched.
Result<void> identify_processes(TraceRequest& request, pipeline::EndCondition& end);

// The same for a reader of pinned programs, for those that only its own options name. The ring may
// still have events of a process that has ended: a pid that no process has now is accepted. With
// failed kills, `--target` is not watched: they go on without it.
Result<void> identify_for_pinned(TraceRequest& request, pipeline::EndCondition& end);

// `end` is reached once a process has ended that the pinned programs are limited to.
void watch_pinned(const vigil_filter& pinned, pipeline::EndCondition& end);

}  // namespace vigil::commands
