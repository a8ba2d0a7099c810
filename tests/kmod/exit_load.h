// SPDX-License-Identifier: Apache-2.0
// Processes that end, as fast as the machine can make them.
#pragma once

#include <sys/types.h>

#include <vector>

namespace vigil::tests {

// `workers` processes that make `each` children one after another, none of which does anything.
// Back when all have ended; the workers' pids.
std::vector<pid_t> make_exits(int workers, int each);

// A storm for as long as this object lives.
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
