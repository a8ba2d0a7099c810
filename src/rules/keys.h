// SPDX-License-Identifier: Apache-2.0
// The keys of a rule: what each takes, and where it goes.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rule.h"

namespace vigil::rules {

// A value of the configuration, free of the reader that it came from.
struct Value {
    enum class Type { string, number, object, array, other };

    Type type = Type::other;
    std::string_view token;                                    // as it is written
    std::string_view text;                                     // of a string
    double number = std::numeric_limits<double>::quiet_NaN();  // NaN also for a number out of range
};

struct Key {
    std::string name;
    std::string expected;  // a value, in words
    size_t metric = 0;     // of a limit
    // False where the value is not what is expected; the rule's member is then of no use.
    bool (*read)(const Key&, const Value&, Rule&) = nullptr;
};

// All of them; each metric is one.
const std::vector<Key>& keys();

// nullptr: there is none of this name.
const Key* find_key(std::string_view name);

// The key of nearly this name: at most two letters changed, added or left out; else nullptr.
const Key* find_similar_key(std::string_view name);

}  // namespace vigil::rules
