// SPDX-License-Identifier: Apache-2.0
// One parsed line of `vigil trace -o json`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vigil::tests {

using Strings = std::vector<std::string>;

// Stores only the line, and parses it on access: a test may keep many of them.
class Event {
 public:
    // Empty if the line is not a flat JSON object in UTF-8, or has a duplicate key.
    static std::optional<Event> parse(std::string_view line);

    const std::string& kind() const { return kind_; }
    int64_t pid() const { return pid_; }

    // Each fails the test, and returns an empty value, if the key is absent or of another type.
    int64_t number(const std::string& key) const;
    std::string text(const std::string& key) const;
    bool flag(const std::string& key) const;
    Strings strings(const std::string& key) const;
    std::vector<int64_t> numbers(const std::string& key) const;
    bool has(const std::string& key) const;

    // False if the key is absent.
    bool is_null(const std::string& key) const;

    const std::string& line() const { return line_; }

 private:
    std::string line_;
    std::string kind_;
    int64_t pid_ = -1;
};

}  // namespace vigil::tests
