// SPDX-License-Identifier: Apache-2.0
// The command of `vigil trace -- CMD`: forked, but suspended until the tracer is attached.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace vigil::host {

class Child {
 public:
    // Forks. If vigil's standard output is not a terminal, the command's standard output becomes
    // vigil's standard error, so that a pipe or file receives only events. Call before blocking
    // signals.
    static Result<Child> start_suspended(const std::vector<std::string>& command);

    pid_t pid() const { return pid_; }

    // Lets the child call exec and waits for the result: 0, or the errno of the failed exec.
    Result<int> resume();

    // Exit code if the command has exited: its own, or 128 + the number of the signal that killed
    // it.
    std::optional<int> exit_code();

    void send(int signal) const;

 private:
    Child(pid_t pid, Fd gate, Fd exec_error);

    pid_t pid_ = -1;
    Fd gate_;        // closed without a byte: the child exits
    Fd exec_error_;  // errno of a failed exec; end of file after success
    bool ended_ = false;
};

}  // namespace vigil::host
