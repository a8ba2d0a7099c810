// SPDX-License-Identifier: Apache-2.0
// The command of `vigil trace -- CMD`: started, but held back until the tracer is attached.
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
    // Forks. Where vigil's standard output is no terminal, the command's becomes vigil's standard
    // error, so that a pipe or file holds events only. Call before blocking signals.
    static Result<Child> start_suspended(const std::vector<std::string>& command);

    pid_t pid() const { return pid_; }

    // Lets it call exec, and waits until it has: 0, or the errno with which exec failed.
    Result<int> resume();

    // Exit code if it has ended: its own, or 128 + the number of the signal that ended it.
    std::optional<int> exit_code();

    void send(int signal) const;

 private:
    Child(pid_t pid, Fd gate, Fd exec_error);

    pid_t pid_ = -1;
    Fd gate_;        // closed without a byte, it makes the child give up
    Fd exec_error_;  // errno of a failed exec; end of file where it succeeded
    bool ended_ = false;
};

}  // namespace vigil::host
