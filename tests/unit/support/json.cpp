// SPDX-License-Identifier: Apache-2.0
#include "support/json.h"

#include <simdjson.h>

#include <sstream>

namespace vigil::test {
namespace {

using simdjson::dom::element_type;

std::optional<JsonValue> value_of(simdjson::dom::element element) {
    switch (element.type()) {
        case element_type::NULL_VALUE:
            return JsonValue{null};
        case element_type::BOOL:
            return JsonValue{bool{element}};
        case element_type::UINT64:
            return JsonValue{uint64_t{element}};
        case element_type::INT64: {
            const int64_t number{element};
            return number < 0 ? JsonValue{number} : JsonValue{static_cast<uint64_t>(number)};
        }
        case element_type::DOUBLE:
            return JsonValue{double{element}};
        case element_type::STRING:
            return JsonValue{std::string(std::string_view(element))};
        case element_type::ARRAY: {
            Strings strings;
            for (const simdjson::dom::element each : simdjson::dom::array(element)) {
                if (!each.is_string()) {
                    return std::nullopt;
                }
                strings.emplace_back(std::string_view(each));
            }
            return JsonValue{std::move(strings)};
        }
        default:
            return std::nullopt;
    }
}

struct Printer {
    std::ostream& out;
    void operator()(std::monostate) const { out << "null"; }
    void operator()(const Strings& strings) const {
        out << '[';
        for (const std::string& each : strings) {
            out << '\'' << each << "',";
        }
        out << ']';
    }
    void operator()(const std::string& text) const { out << '\'' << text << '\''; }
    void operator()(const auto& other) const { out << other; }
};

}  // namespace

std::optional<JsonObject> parse_json_object(std::string_view text) {
    thread_local simdjson::dom::parser parser;  // keeps its buffers
    simdjson::dom::object parsed;
    if (parser.parse(text.data(), text.size()).get(parsed) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    JsonObject object;
    for (const auto& field : parsed) {
        auto value = value_of(field.value);
        if (!value) {
            return std::nullopt;
        }
        object.emplace_back(std::string(field.key), std::move(*value));
    }
    return object;
}

std::optional<std::string> parse_json_string(std::string_view text) {
    thread_local simdjson::dom::parser parser;
    std::string_view parsed;
    if (parser.parse(text.data(), text.size()).get(parsed) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    return std::string(parsed);
}

std::string to_string(const JsonObject& object) {
    std::ostringstream out;
    for (const auto& [key, value] : object) {
        out << key << '=';
        std::visit(Printer{out}, value);
        out << '\n';
    }
    return out.str();
}

}  // namespace vigil::test
