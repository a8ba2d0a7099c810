// SPDX-License-Identifier: Apache-2.0
#include "model/name_pattern.h"

#include <cctype>
#include <cstddef>
#include <cstdint>

namespace vigil::model {
namespace {

constexpr size_t npos = std::string_view::npos;

// A byte that begins no character stands for itself, beyond all code points.
constexpr uint32_t no_character = 0x200000;

// Removes and returns the first character; `text` must not be empty.
uint32_t pop_character(std::string_view& text) {
    const auto byte_at = [&](size_t i) -> uint32_t {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
    };
    const uint32_t first = byte_at(0);
    const size_t length = first < 0x80             ? 1
                          : (first & 0xe0) == 0xc0 ? 2
                          : (first & 0xf0) == 0xe0 ? 3
                          : (first & 0xf8) == 0xf0 ? 4
                                                   : 0;
    uint32_t character = length < 2 ? first : first & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((byte_at(i) & 0xc0) != 0x80) {
            text.remove_prefix(1);
            return no_character + first;
        }
        character = character << 6 | (byte_at(i) & 0x3f);
    }
    text.remove_prefix(length == 0 ? 1 : length);
    return length == 0 ? no_character + first : character;
}

bool is_quoted(std::string_view pattern) {
    return pattern.size() > 1 && pattern[0] == '\\' &&
           std::string_view("*?[]\\").find(pattern[1]) != npos;
}

bool is_in_class(std::string_view name, uint32_t character) {
    if (character >= 0x80) {
        return false;
    }
    const int c = static_cast<int>(character);
    return (name == "alpha" && std::isalpha(c) != 0) || (name == "digit" && std::isdigit(c) != 0) ||
           (name == "alnum" && std::isalnum(c) != 0) || (name == "upper" && std::isupper(c) != 0) ||
           (name == "lower" && std::islower(c) != 0) || (name == "punct" && std::ispunct(c) != 0) ||
           (name == "space" && std::isspace(c) != 0) || (name == "xdigit" && std::isxdigit(c) != 0);
}

// The bracket expression that the pattern begins with. False for `closed` if it is not one: the
// bracket is an ordinary character then.
struct Bracket {
    bool closed = false;
    bool matches = false;
};

// Advances `pattern` past the expression if there is one.
Bracket match_bracket(std::string_view& pattern, uint32_t character) {
    std::string_view rest = pattern.substr(1);
    const bool inverted = rest.starts_with('!') || rest.starts_with('^');
    rest.remove_prefix(inverted ? 1 : 0);
    bool matches = false;
    for (bool first = true; !rest.empty(); first = false) {
        if (rest[0] == ']' && !first) {
            pattern = rest.substr(1);
            return {.closed = true, .matches = matches != inverted};
        }
        if (const size_t end = rest.starts_with("[:") ? rest.find(":]", 2) : npos; end != npos) {
            matches = matches || is_in_class(rest.substr(2, end - 2), character);
            rest.remove_prefix(end + 2);
            continue;
        }
        rest.remove_prefix(is_quoted(rest) ? 1 : 0);
        const uint32_t low = pop_character(rest);
        uint32_t high = low;
        if (rest.size() > 1 && rest[0] == '-' && rest[1] != ']') {
            rest.remove_prefix(1);
            rest.remove_prefix(is_quoted(rest) ? 1 : 0);
            high = pop_character(rest);
        }
        matches = matches || (low <= character && character <= high);
    }
    return {};
}

// Matches one character; both advance. False: it does not match, and both are undefined.
bool match_one(std::string_view& pattern, std::string_view& name) {
    const uint32_t character = pop_character(name);
    if (pattern[0] == '?') {
        pattern.remove_prefix(1);
        return true;
    }
    if (pattern[0] == '[') {
        if (const Bracket bracket = match_bracket(pattern, character); bracket.closed) {
            return bracket.matches;
        }
    }
    pattern.remove_prefix(is_quoted(pattern) ? 1 : 0);
    return pop_character(pattern) == character;
}

// Only the last `*` is ever tried again: a match of an earlier one can't be made better.
bool matches_glob(std::string_view pattern, std::string_view name) {
    bool has_star = false;
    std::string_view after_star;
    std::string_view retry;
    for (;;) {
        if (!pattern.empty() && pattern[0] == '*') {
            pattern.remove_prefix(1);
            has_star = true;
            after_star = pattern;
            retry = name;
            continue;
        }
        if (name.empty() && pattern.empty()) {
            return true;
        }
        if (!name.empty() && !pattern.empty() && match_one(pattern, name)) {
            continue;
        }
        if (!has_star || retry.empty()) {
            return false;
        }
        (void)pop_character(retry);
        pattern = after_star;
        name = retry;
    }
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view name) {
    return pattern == name || matches_glob(pattern, name);
}

bool has_wildcards(std::string_view pattern) { return pattern.find_first_of("*?[") != npos; }

}  // namespace vigil::model
