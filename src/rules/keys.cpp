// SPDX-License-Identifier: Apache-2.0
#include "rules/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/units.h"
#include "model/sample.h"
#include "rules/parse.h"

namespace vigil::rules {
namespace {

constexpr size_t max_process_bytes = 255;
constexpr size_t max_user_bytes = 255;
constexpr size_t max_cgroup_bytes = 4095;  // PATH_MAX of include/uapi/linux/limits.h
constexpr uint64_t max_uid = UINT32_MAX - 1;

bool is_text(const Value& value, size_t max_bytes) {
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
    return value.type == Value::Type::string && !value.text.empty() &&
           value.text.size() <= max_bytes &&
           std::none_of(value.text.begin(), value.text.end(), is_control);
}

bool read_process(const Key&, const Value& value, Rule& rule) {
    rule.process = value.text;
    return is_text(value, max_process_bytes);
}

bool read_user(const Key&, const Value& value, Rule& rule) {
    if (value.type == Value::Type::number) {
        rule.user = value.token;
        return !std::isnan(value.number) && parse_number(value.token, 0, max_uid);
    }
    rule.user = value.text;
    return is_text(value, max_user_bytes);
}

bool read_cgroup(const Key&, const Value& value, Rule& rule) {
    rule.cgroup = value.text;
    return is_text(value, max_cgroup_bytes);
}

bool read_limit(const Key& key, const Value& value, Rule& rule) {
    rule.limits[key.metric] = value.number + 0.0;  // -0 becomes 0
    return value.number >= 0 && value.number <= max_limit;
}

// Call it for text that parse_duration_ns() rejects: true for "0" and 0 of any unit.
bool is_zero_duration(std::string_view text) {
    const size_t unit = text.find_first_not_of('0');
    return text.starts_with('0') && (unit == std::string_view::npos ||
                                     parse_duration_ns(fmt::format("1{}", text.substr(unit))));
}

bool read_duration(const Value& value, uint64_t& ns) {
    const auto duration = parse_duration_ns(value.text);
    if (value.type == Value::Type::string && duration) {
        ns = *duration;
        return true;
    }
    return false;
}

bool read_for(const Key&, const Value& value, Rule& rule) {
    return read_duration(value, rule.for_ns) || is_zero_duration(value.text);
}

bool read_cooldown(const Key&, const Value& value, Rule& rule) {
    return read_duration(value, rule.cooldown_ns);
}

std::vector<Key> make_keys() {
    const std::string name = fmt::format(
        "a process name of 1 to {} bytes without control characters", max_process_bytes);
    std::vector<Key> keys{{"process", name, 0, read_process}, {"name", name, 0, read_process}};
    for (size_t i = 0; i < model::metric_count; i++) {
        keys.push_back({std::string(model::metrics()[i].name),
                        fmt::format("a number from 0 to {:.0f}", max_limit), i, read_limit});
    }
    keys.push_back(
        {"user", fmt::format("a user name, or a uid from 0 to {}", max_uid), 0, read_user});
    keys.push_back({"cgroup",
                    fmt::format("a cgroup's path or name of 1 to {} bytes without control "
                                "characters",
                                max_cgroup_bytes),
                    0, read_cgroup});
    keys.push_back(
        {"for", "a duration such as \"500ms\", \"10s\" or \"5m\", at most \"366d\"", 0, read_for});
    keys.push_back({"cooldown",
                    "a duration above 0 such as \"30s\", \"5m\" or \"1h\", at most \"366d\"", 0,
                    read_cooldown});
    return keys;
}

// Levenshtein distance: number of letters to change, add or remove.
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 0; i < a.size(); i++) {
        size_t diagonal = std::exchange(row[0], i + 1);
        for (size_t j = 0; j < b.size(); j++) {
            const size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

}  // namespace

const std::vector<Key>& keys() {
    static const std::vector<Key> all = make_keys();
    return all;
}

const Key* find_key(std::string_view name) {
    const auto it = std::find_if(keys().begin(), keys().end(),
                                 [&](const Key& key) { return key.name == name; });
    return it == keys().end() ? nullptr : &*it;
}

const Key* find_similar_key(std::string_view name) {
    constexpr size_t max_distance = 2;
    if (name.size() <= 1 || name.size() > max_process_bytes) {
        return nullptr;
    }
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    const Key* nearest = nullptr;
    size_t min_distance = max_distance + 1;
    for (const Key& key : keys()) {
        if (const size_t distance = edit_distance(lower, key.name); distance < min_distance) {
            min_distance = distance;
            nearest = &key;
        }
    }
    return nearest;
}

}  // namespace vigil::rules
