// SPDX-License-Identifier: Apache-2.0
// The statement at the end of a run: where every event went that the kernel side saw.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "capture/reader.h"
#include "model/event.h"
#include "sinks/output.h"

namespace vigil::apps {

struct Account {
    uint64_t seen = 0;
    uint64_t filtered = 0;  // in the kernel and in user space
    uint64_t delivered = 0;
    uint64_t dropped = 0;      // no room in the ring
    uint64_t undelivered = 0;  // read, but not written: closed pipe, -n
};

struct Accounts {
    std::array<Account, model::kernel_kind_count> kinds;
    uint64_t missed_at_most = 0;  // not even seen: see capture/hooks.h
    uint64_t tree_overflow = 0;
    uint64_t uncounted_calls = 0;  // see capture/tracer.h
};

// True where seen = filtered + delivered + dropped + undelivered for every kind.
bool balances(const Accounts& accounts);

// What events that were not even seen mean, as a line for standard error.
std::string missed_text(uint64_t missed_at_most);

// Lines for standard error: one a kind that is in `wanted` or was dropped (some are traced only
// to explain others), then what they mean.
std::string to_text(const Accounts& accounts, model::KindSet wanted);

}  // namespace vigil::apps
