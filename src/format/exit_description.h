// SPDX-License-Identifier: Apache-2.0
// Short descriptions of how a process ended.
#pragma once

#include <string>

#include "query/record_parser.h"

namespace vigil::format {

// Parts of "nginx VERB at 03:12:44, 2 min after it started: REASON. REMARK."
struct ExitDescription {
    std::string verb;    // "was killed by SIGKILL", "exited with code 3"
    std::string reason;  // if known: "it wrote to a pipe that nobody reads"
    std::string remark;  // about the core dump; may be empty
};
ExitDescription describe_exit(const query::DeathRecord& record);

// The same for a table column: "exit 3", "SIGSEGV core", "OOM killer".
std::string summarize_exit(const query::DeathRecord& record);

// Name of the fatal signal.
std::string fatal_signal(const query::DeathRecord& record);

// True if another process sent the fatal signal.
bool killed_by_process(const query::DeathRecord& record);

}  // namespace vigil::format
