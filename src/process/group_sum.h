// SPDX-License-Identifier: Apache-2.0
// What a group of processes has used in one interval.
#pragma once

#include <cstdint>

#include "model/sample.h"

namespace vigil::process {

// A set of the members of model::Counters.
using CounterSet = uint8_t;

struct GroupSum {
    // Used in the interval, by living members and by those that have ended in it; rss_bytes: now,
    // of the living. Absent: of no member known.
    model::Counters used;
    uint32_t members = 0;  // living, as the sweep has shown them
    uint32_t births = 0;
    uint32_t exits = 0;
    CounterSet known = 0;
    CounterSet unknown = 0;

    // Some member's counter is not known: that sum is a lower bound.
    bool is_partial() const { return (known & unknown) != 0; }
    bool is_empty() const { return members == 0 && births == 0 && exits == 0 && known == 0; }

    // What one member has used; rss_bytes only where `living`.
    void add_used(const model::Counters& used_by_member, bool living);
    void add(const GroupSum& other);
};

// What has been used between two readings of one process. Absent: either is not known. rss_bytes is
// that of `now`.
model::Counters growth_between(const model::Counters& before, const model::Counters& now);

// Replaces what `now` knows; what it does not know stays.
void keep_known(model::Counters& last, const model::Counters& now);

}  // namespace vigil::process
