// SPDX-License-Identifier: Apache-2.0
// Processes that end, as fast as the machine can make them.
#pragma once

#include <sys/types.h>

#include <vector>

namespace vigil::tests {

// `workers` processes that make `each` children one after another, none of which does anything.
// Back when all have ended; the workers' pids.
std::vector<pid_t> storm(int workers, int each);

// A storm for as long as this object lives.
class Storm {
 public:
    explicit Storm(int workers);
    Storm(const Storm&) = delete;
    Storm& operator=(const Storm&) = delete;
    ~Storm();

 private:
    std::vector<pid_t> workers_;
};

}  // namespace vigil::tests
