// SPDX-License-Identifier: Apache-2.0
// One line of `vigil trace -o json`, as a test reads it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vigil::tests {

using Words = std::vector<std::string>;

class Event {
 public:
    // Nothing where the line is no flat JSON object in UTF-8.
    static std::optional<Event> parse(std::string_view line);

    // Each fails the test, and returns an empty value, where the key is absent or of another type.
    int64_t number(const std::string& key) const;
    std::string text(const std::string& key) const;
    bool flag(const std::string& key) const;
    Words words(const std::string& key) const;

    bool is_null(const std::string& key) const;
    bool has(const std::string& key) const { return values_.count(key) != 0; }
    std::string kind() const { return text("kind"); }
    int64_t pid() const { return number("pid"); }

    const std::string& line() const { return line_; }

 private:
    using Value = std::variant<std::nullptr_t, bool, int64_t, std::string, Words>;

    template <class T>
    T get(const std::string& key, const char* type) const;

    std::string line_;
    std::map<std::string, Value> values_;
};

}  // namespace vigil::tests
