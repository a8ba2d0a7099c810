// SPDX-License-Identifier: Apache-2.0
// How a process ended, in a few words.
#pragma once

#include <string>

#include "query/record_parser.h"

namespace vigil::format {

// Parts of "nginx VERB at 03:12:44, 2 min after it started: REASON. REMARK."
struct ExitDescription {
    std::string verb;    // "was killed by SIGKILL", "exited with code 3"
    std::string reason;  // where there is more to say: "it wrote to a pipe that nobody reads"
    std::string remark;  // about its core; may be empty
};
ExitDescription describe_exit(const query::DeathRecord& record);

// The same for a column of a table: "exit 3", "SIGSEGV core", "OOM killer".
std::string summarize_exit(const query::DeathRecord& record);

// The signal that ended it, as a name.
std::string fatal_signal(const query::DeathRecord& record);

// A process sent the signal, and not the one that died of it.
bool killed_by_process(const query::DeathRecord& record);

}  // namespace vigil::format
