// SPDX-License-Identifier: Apache-2.0
// Usage of a group of processes in one interval.
#pragma once

#include <cstdint>

#include "model/sample.h"

namespace vigil::process {

// A set of the members of model::Counters.
using CounterSet = uint8_t;

struct GroupSum {
    // Used in the interval, by living members and by members that exited in it; rss_bytes: present
    // value of the living members. Empty: unknown for every member.
    model::Counters used;
    uint32_t members = 0;  // living members in the sweep
    uint32_t births = 0;
    uint32_t exits = 0;
    CounterSet known = 0;
    CounterSet unknown = 0;

    // True if a counter of some member is unknown: the sum is then a lower bound.
    bool is_partial() const { return (known & unknown) != 0; }
    bool is_empty() const { return members == 0 && births == 0 && exits == 0 && known == 0; }

    // Adds the usage of one member; rss_bytes only if `living`.
    void add_used(const model::Counters& used_by_member, bool living);
    void add(const GroupSum& other);
};

// Usage between two readings of one process. Empty if either is unknown. rss_bytes is that of
// `now`.
model::Counters growth_between(const model::Counters& before, const model::Counters& now);

// Replaces the counters that `now` knows; the others stay.
void keep_known(model::Counters& last, const model::Counters& now);

}  // namespace vigil::process
