// SPDX-License-Identifier: Apache-2.0
#include "event.h"

#include <gtest/gtest.h>
#include <simdjson.h>

namespace vigil::tests {
namespace {

namespace json = simdjson::dom;

std::string string_of(json::element element) {
    return std::string(std::string_view(element.get_string().value_unsafe()));
}

}  // namespace

std::optional<Event> Event::parse(std::string_view line) {
    json::parser parser;
    json::object object;
    if (parser.parse(line.data(), line.size()).get(object) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    Event event;
    event.line_ = line;
    for (const auto& [key, element] : object) {
        Value value = nullptr;
        switch (element.type()) {
            case json::element_type::NULL_VALUE:
                break;
            case json::element_type::BOOL:
                value = element.get_bool().value_unsafe();
                break;
            case json::element_type::INT64:
                value = element.get_int64().value_unsafe();
                break;
            case json::element_type::STRING:
                value = string_of(element);
                break;
            case json::element_type::ARRAY: {
                Words words;
                const json::array array = element.get_array().value_unsafe();
                for (const json::element each : array) {
                    if (!each.is_string()) {
                        return std::nullopt;
                    }
                    words.push_back(string_of(each));
                }
                value = std::move(words);
                break;
            }
            default:
                return std::nullopt;
        }
        if (!event.values_.emplace(key, std::move(value)).second) {
            return std::nullopt;  // a key twice
        }
    }
    return event;
}

template <class T>
T Event::get(const std::string& key, const char* type) const {
    const auto it = values_.find(key);
    if (it == values_.end() || !std::holds_alternative<T>(it->second)) {
        ADD_FAILURE() << "no " << type << " '" << key << "' in: " << line_;
        return T{};
    }
    return std::get<T>(it->second);
}

int64_t Event::number(const std::string& key) const { return get<int64_t>(key, "number"); }
std::string Event::text(const std::string& key) const { return get<std::string>(key, "text"); }
bool Event::flag(const std::string& key) const { return get<bool>(key, "flag"); }
Words Event::words(const std::string& key) const { return get<Words>(key, "list"); }

bool Event::is_null(const std::string& key) const {
    const auto it = values_.find(key);
    return it != values_.end() && std::holds_alternative<std::nullptr_t>(it->second);
}

}  // namespace vigil::tests
