// SPDX-License-Identifier: Apache-2.0
// The keys of a rule: the values that each takes, and the member that it sets.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "rules/rule.h"

namespace vigil::rules {

// A value of the configuration, independent of the JSON library.
struct Value {
    enum class Type { string, number, object, array, other };

    Type type = Type::other;
    std::string_view token;                                    // as written in the file
    std::string_view text;                                     // of a string
    double number = std::numeric_limits<double>::quiet_NaN();  // NaN also for a number out of range
};

struct Key {
    std::string name;
    std::string expected;  // description of a valid value
    size_t metric = 0;     // of a limit
    // Reads the value into the rule. False if it is not as expected; the rule must then be
    // discarded.
    bool (*read)(const Key&, const Value&, Rule&) = nullptr;
};

// All keys, including one for each metric.
const std::vector<Key>& keys();

// nullptr if there is no such key.
const Key* find_key(std::string_view name);

// The key with a similar name: at most two letters changed, added or removed; else nullptr.
const Key* find_similar_key(std::string_view name);

}  // namespace vigil::rules
