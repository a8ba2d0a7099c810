// SPDX-License-Identifier: Apache-2.0
// Processes that exit, as fast as the machine can create them.
#pragma once

#include <sys/types.h>

#include <vector>

namespace vigil::tests {

// `workers` processes that each create `each` children in sequence; the children do nothing.
// Returns the workers' pids once all have exited.
std::vector<pid_t> make_exits(int workers, int each);

// Creates exits as long as this object exists.
class ExitLoad {
 public:
    explicit ExitLoad(int workers);
    ExitLoad(const ExitLoad&) = delete;
    ExitLoad& operator=(const ExitLoad&) = delete;
    ~ExitLoad();

 private:
    std::vector<pid_t> workers_;
};

}  // namespace vigil::tests
