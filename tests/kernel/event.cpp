// SPDX-License-Identifier: Apache-2.0
#include "event.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <set>

namespace vigil::tests {
namespace {

namespace json = simdjson::dom;

// Valid until the next call.
simdjson::simdjson_result<json::object> read(std::string_view line) {
    static json::parser parser;
    return parser.parse(line.data(), line.size()).get_object();
}

bool is_flat(json::element value) {
    if (!value.is_array()) {
        return !value.is_object();
    }
    const json::array array = value.get_array().value_unsafe();
    return std::all_of(array.begin(), array.end(),
                       [](json::element each) { return !each.is_array() && !each.is_object(); });
}

std::string no_such(const std::string& key, const char* type, const std::string& line) {
    return std::string("no ") + type + " '" + key + "' in: " + line;
}

}  // namespace

std::optional<Event> Event::parse(std::string_view line) {
    json::object object;
    if (read(line).get(object) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    Event event;
    event.line_ = line;
    std::set<std::string_view> keys;
    for (const auto& [key, value] : object) {
        if (!keys.insert(key).second || !is_flat(value)) {
            return std::nullopt;
        }
        std::string_view kind;
        if (key == "kind" && value.get(kind) == simdjson::SUCCESS) {
            event.kind_ = kind;
        }
        if (key == "pid") {
            if (value.get(event.pid_) != simdjson::SUCCESS) {
                return std::nullopt;
            }
        }
    }
    return event;
}

int64_t Event::number(const std::string& key) const {
    int64_t value = 0;
    if (read(line_)[key].get(value) != simdjson::SUCCESS) {
        ADD_FAILURE() << no_such(key, "number", line_);
    }
    return value;
}

std::string Event::text(const std::string& key) const {
    std::string_view value;
    if (read(line_)[key].get(value) != simdjson::SUCCESS) {
        ADD_FAILURE() << no_such(key, "text", line_);
    }
    return std::string(value);
}

bool Event::flag(const std::string& key) const {
    bool value = false;
    if (read(line_)[key].get(value) != simdjson::SUCCESS) {
        ADD_FAILURE() << no_such(key, "flag", line_);
    }
    return value;
}

Strings Event::strings(const std::string& key) const {
    json::array array;
    if (read(line_)[key].get(array) != simdjson::SUCCESS) {
        ADD_FAILURE() << no_such(key, "list", line_);
        return {};
    }
    Strings words;
    for (const json::element each : array) {
        words.emplace_back(std::string_view(each.get_string().value_unsafe()));
    }
    return words;
}

std::vector<int64_t> Event::numbers(const std::string& key) const {
    std::vector<int64_t> numbers;
    json::array array;
    if (read(line_)[key].get(array) != simdjson::SUCCESS) {
        ADD_FAILURE() << no_such(key, "array", line_);
    }
    for (const json::element each : array) {
        int64_t value = 0;
        if (each.get(value) != simdjson::SUCCESS) {
            ADD_FAILURE() << no_such(key, "array of numbers", line_);
        }
        numbers.push_back(value);
    }
    return numbers;
}

bool Event::has(const std::string& key) const {
    json::element value;
    return read(line_)[key].get(value) == simdjson::SUCCESS;
}

bool Event::is_null(const std::string& key) const {
    json::element value;
    return read(line_)[key].get(value) == simdjson::SUCCESS && value.is_null();
}

}  // namespace vigil::tests
