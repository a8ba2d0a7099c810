// SPDX-License-Identifier: Apache-2.0
#include "output/final_flush.h"

#include <poll.h>

namespace vigil::output {
namespace {

constexpr int timeout_ms = 1'000;
constexpr int step_ms = 10;

}  // namespace

void final_flush(const std::function<bool()>& flush) {
    for (int ms = 0; ms < timeout_ms && flush(); ms += step_ms) {
        (void)::poll(nullptr, 0, step_ms);
    }
}

}  // namespace vigil::output
