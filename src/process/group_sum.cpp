// SPDX-License-Identifier: Apache-2.0
#include "process/group_sum.h"

#include <cstddef>
#include <optional>

namespace vigil::process {
namespace {

constexpr auto& counters = model::counter_members;
constexpr size_t rss_index = 0;
static_assert(counters[rss_index] == &model::Counters::rss_bytes);
static_assert(counters.size() <= 8 * sizeof(CounterSet));

void add_to(std::optional<uint64_t>& sum, const std::optional<uint64_t>& value) {
    if (value) {
        sum = sum.value_or(0) + *value;
    }
}

}  // namespace

void GroupSum::add_used(const model::Counters& used_by_member, bool living) {
    for (size_t i = living ? rss_index : rss_index + 1; i < counters.size(); i++) {
        const auto& value = used_by_member.*counters[i];
        add_to(used.*counters[i], value);
        CounterSet& set = value ? known : unknown;
        set = static_cast<CounterSet>(set | 1U << i);
    }
}

void GroupSum::add(const GroupSum& other) {
    for (const auto counter : counters) {
        add_to(used.*counter, other.used.*counter);
    }
    members += other.members;
    births += other.births;
    exits += other.exits;
    known = static_cast<CounterSet>(known | other.known);
    unknown = static_cast<CounterSet>(unknown | other.unknown);
}

model::Counters growth_between(const model::Counters& before, const model::Counters& now) {
    model::Counters growth;
    growth.rss_bytes = now.rss_bytes;
    for (size_t i = rss_index + 1; i < counters.size(); i++) {
        const auto& from = before.*counters[i];
        const auto& to = now.*counters[i];
        if (from && to) {
            growth.*counters[i] = *to > *from ? *to - *from : 0;
        }
    }
    return growth;
}

void keep_known(model::Counters& last, const model::Counters& now) {
    for (const auto counter : counters) {
        if (now.*counter) {
            last.*counter = now.*counter;
        }
    }
}

}  // namespace vigil::process
