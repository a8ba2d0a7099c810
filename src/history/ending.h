// SPDX-License-Identifier: Apache-2.0
// How a process ended, in a few words.
#pragma once

#include <string>

#include "history/certificate.h"

namespace vigil::history {

// Parts of "nginx VERB at 03:12:44, 2 min after it started: REASON. REMARK."
struct Ending {
    std::string verb;    // "was killed by SIGKILL", "exited with code 3"
    std::string reason;  // where there is more to say: "it wrote to a pipe that nobody reads"
    std::string remark;  // about its core; may be empty
};
Ending ending_of(const Certificate& certificate);

// The same for a column of a table: "exit 3", "SIGSEGV core", "OOM killer".
std::string short_ending(const Certificate& certificate);

// The signal that ended it, as a name.
std::string deadly_signal(const Certificate& certificate);

// A process sent the signal, and not the one that died of it.
bool was_sent(const Certificate& certificate);

}  // namespace vigil::history
