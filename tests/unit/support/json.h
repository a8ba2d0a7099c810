// SPDX-License-Identifier: Apache-2.0
// A flat JSON object as another program reads it (simdjson).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace vigil::test {

using Strings = std::vector<std::string>;
// Whole numbers that are not negative come as uint64_t, other whole ones as int64_t.
using JsonValue =
    std::variant<std::monostate, bool, uint64_t, int64_t, double, std::string, Strings>;
// Keys in the order in which they stand there, repeated ones too.
using JsonObject = std::vector<std::pair<std::string, JsonValue>>;

constexpr std::monostate null{};

// nullopt where `text` is no JSON object, or holds more than the types above.
std::optional<JsonObject> parse_json_object(std::string_view text);

// The string that `text` is as a JSON value.
std::optional<std::string> parse_json_string(std::string_view text);

// For messages of failed tests.
std::string to_string(const JsonObject& object);

}  // namespace vigil::test
