// SPDX-License-Identifier: Apache-2.0
// When a trace is over because nothing that it selects can happen any more: its process has ended,
// or every process of its tree.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "capture/tree.h"

namespace vigil::pipeline {

class EndCondition {
 public:
    // Over once the process has ended. `what` names it in reason(). Without a descriptor
    // (host::FoundProcess::pidfd) it never is.
    void watch_process(Fd pidfd, std::string what);
    void add_ended(std::string reason);
    void watch_tree(capture::Tree tree, std::string what);
    // Over once `check` returns a reason: called once at first, then after each on_wake(wake_fd).
    // `wake_fd` must stay open.
    void watch(int wake_fd, std::function<std::string()> check);

    // Poll readable (edge-triggered) when reached() may have changed. A tree has none: the kernel
    // side wakes the reader of the ring when a member exits.
    std::vector<int> wake_fds() const;
    // One of them was reported.
    void on_wake(int fd);

    // True once nothing can follow what is in the ring now.
    bool reached();
    // A sentence; empty before.
    const std::string& reason() const { return reason_; }
    // True if reached() must be called again soon without a wake-up.
    bool must_recheck() const { return recheck_; }

 private:
    struct Watched {
        Fd pidfd;
        std::string what;
    };
    std::vector<Watched> processes_;
    struct Check {
        int wake_fd;
        std::function<std::string()> reason;
        bool due = true;
    };
    std::vector<Check> checks_;
    std::optional<capture::Tree> tree_;
    std::string tree_name_;
    std::string reason_;
    bool recheck_ = false;
};

}  // namespace vigil::pipeline
