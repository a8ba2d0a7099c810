// SPDX-License-Identifier: Apache-2.0
#include "rules/syntax.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"

namespace vigil::rules {
namespace {

constexpr std::string_view space = " \t\r\n";
constexpr std::string_view digits = "0123456789";
constexpr std::string_view end_of_file = "the end of the file";

bool is_one_of(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

// What a person would take for one word: up to the next space or punctuation mark of JSON.
std::string_view word_at(std::string_view text, size_t offset) {
    return text.substr(offset, text.find_first_of(" \t\r\n,:[]{}\"", offset) - offset);
}

// False where no digit could be taken.
bool take_digits(std::string_view& word) {
    const size_t count = std::min(word.find_first_not_of(digits), word.size());
    word.remove_prefix(count);
    return count > 0;
}

bool take_one_of(std::string_view& word, std::string_view set) {
    const bool fits = !word.empty() && is_one_of(set, word[0]);
    word.remove_prefix(fits ? 1 : 0);
    return fits;
}

bool is_number(std::string_view word) {
    take_one_of(word, "-");
    if (!take_one_of(word, "0") && !take_digits(word)) {
        return false;
    }
    if (take_one_of(word, ".") && !take_digits(word)) {
        return false;
    }
    if (take_one_of(word, "eE")) {
        take_one_of(word, "+-");
        if (!take_digits(word)) {
            return false;
        }
    }
    return word.empty();
}

bool is_literal(std::string_view word) {
    return word == "true" || word == "false" || word == "null";
}

// Length of the sequence that begins there, which is no ASCII; 0: not UTF-8.
size_t utf8_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    return text.size() >= length && simdjson::validate_utf8(text.data(), length) ? length : 0;
}

class Scanner {
 public:
    explicit Scanner(std::string_view text) : text_(text) {}

    // Without recursion: a file may be nested as deep as it is long.
    std::optional<Fault> run() {
        while (!done_) {
            at_ = std::min(text_.find_first_not_of(space, at_), text_.size());
            if (!step()) {
                return std::move(fault_);
            }
        }
        return std::nullopt;
    }

 private:
    enum class Next { value, first_value, key, first_key, separator };

    bool step();
    bool value();
    bool first_key();
    bool key();
    bool separator();
    bool string();
    bool escape();
    bool hex_escape(uint32_t& unit);

    bool has(char c) const { return at_ < text_.size() && text_[at_] == c; }
    bool take(char c) {
        const bool fits = has(c);
        at_ += fits ? 1 : 0;
        return fits;
    }
    bool go_on(Next next) {
        next_ = next;
        return true;
    }
    bool open(char bracket, Next next) {
        at_++;
        open_ += bracket;
        return go_on(next);
    }
    bool close() {
        at_++;
        open_.pop_back();
        return go_on(Next::separator);
    }
    bool fail(size_t offset, std::string expected, std::string found);
    bool fail_here(std::string expected) {
        return fail(at_, std::move(expected), describe(text_, at_));
    }

    std::string_view text_;
    size_t at_ = 0;
    size_t comma_ = 0;  // the last one
    std::string open_;  // brackets, from the outermost one
    Next next_ = Next::value;
    size_t rules_ = 0;
    std::string_view key_;
    bool done_ = false;
    Fault fault_;
};

bool Scanner::fail(size_t offset, std::string expected, std::string found) {
    const bool in_rule = open_.size() > 1 || next_ == Next::value || next_ == Next::first_value;
    fault_.offset = offset;
    fault_.rule = in_rule ? rules_ : 0;
    fault_.key = open_.size() > 1 ? excerpt(key_) : "";
    fault_.expected = std::move(expected);
    fault_.found = std::move(found);
    return false;
}

bool Scanner::step() {
    switch (next_) {
        case Next::first_value:
            return has(']') ? close() : value();
        case Next::value:
            return value();
        case Next::first_key:
            return has('}') ? close() : key();
        case Next::key:
            return key();
        case Next::separator:
            break;
    }
    return separator();
}

bool Scanner::value() {
    if (has(']') && open_.ends_with('[')) {
        return fail(comma_, "no comma before ']'", "one");
    }
    if (open_.size() == 1) {
        rules_++;
        key_ = {};
    }
    if (has('[')) {
        return open('[', Next::first_value);
    }
    if (has('{')) {
        return open('{', Next::first_key);
    }
    if (has('"')) {
        return string() && go_on(Next::separator);
    }
    const std::string_view word = word_at(text_, at_);
    if (!is_literal(word) && !is_number(word)) {
        fault_.is_value = open_.size() == 2 && open_[1] == '{';
        return fail_here(open_.size() == 1 ? "a rule in { }" : "a value");
    }
    at_ += word.size();
    return go_on(Next::separator);
}

bool Scanner::key() {
    const bool in_rule = open_.size() == 2;
    if (in_rule) {
        key_ = {};
    }
    if (has('}') && next_ == Next::key) {
        return fail(comma_, "no comma before '}'", "one");
    }
    const size_t begin = at_;
    if (!has('"')) {
        return fail_here("a key in double quotes");
    }
    if (!string()) {
        return false;
    }
    if (in_rule) {
        key_ = text_.substr(begin + 1, at_ - begin - 2);
    }
    at_ = std::min(text_.find_first_not_of(space, at_), text_.size());
    return take(':') ? go_on(Next::value) : fail_here("':' after the key");
}

bool Scanner::separator() {
    if (open_.empty()) {
        done_ = at_ == text_.size();
        return done_ || fail_here(fmt::format("{} after the ']' of the rules", end_of_file));
    }
    const bool in_array = open_.back() == '[';
    if (has(in_array ? ']' : '}')) {
        return close();
    }
    if (!has(',')) {
        return fail_here(open_.size() == 1 ? fmt::format("',' or ']' after rule {}", rules_)
                         : in_array        ? "',' or ']' after the value"
                                           : "',' or '}' after the value");
    }
    comma_ = at_++;
    return go_on(in_array ? Next::value : Next::key);
}

bool Scanner::string() {
    const size_t begin = at_++;
    while (!take('"')) {
        const bool ended = at_ == text_.size();
        if (ended || has('\n') || has('\r')) {
            return fail(
                begin, "a string that ends on its line",
                "no closing '\"' before the end of the " + std::string(ended ? "file" : "line"));
        }
        const auto byte = static_cast<unsigned char>(text_[at_]);
        if (byte < 0x20) {
            return fail(at_, fmt::format("\\u{:04x} for a control character in a string", byte),
                        byte == 0 ? describe(text_, at_) : "the character itself");
        }
        if (byte == '\\') {
            if (!escape()) {
                return false;
            }
            continue;
        }
        const size_t length = byte < 0x80 ? 1 : utf8_length(text_.substr(at_));
        if (length == 0) {
            return fail(at_, "UTF-8", describe(text_, at_));
        }
        at_ += length;
    }
    return true;
}

// "\u1234"; at_ stands on the backslash.
bool Scanner::hex_escape(uint32_t& unit) {
    const std::string_view text = text_.substr(at_, 6);
    if (text.size() < 6 || !text.starts_with("\\u")) {
        return false;
    }
    unit = 0;
    for (const char c : text.substr(2)) {
        if (std::isxdigit(static_cast<unsigned char>(c)) == 0) {
            return false;
        }
        unit = unit * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    at_ += text.size();
    return true;
}

bool Scanner::escape() {
    const size_t begin = at_;
    if (at_ + 1 < text_.size() && is_one_of("\"\\/bfnrt", text_[at_ + 1])) {
        at_ += 2;
        return true;
    }
    uint32_t unit = 0;
    uint32_t second = 0;
    if (!hex_escape(unit)) {
        const std::string_view rest = text_.substr(begin + 1);
        return fail(begin, R"(one of the escapes \" \\ \/ \b \f \n \r \t \uXXXX)",
                    '\\' + excerpt(rest.substr(0, rest.starts_with('u') ? 5 : 1)));
    }
    const bool is_high = (unit & 0xfc00) == 0xd800;
    if ((unit & 0xfc00) == 0xdc00 || (is_high && (!hex_escape(second) || second >> 10 != 0x37))) {
        return fail(begin, R"(a pair such as \ud83d\ude00)",
                    fmt::format("one half of it, \\u{:04x}", unit));
    }
    return true;
}

}  // namespace

std::optional<Fault> find_fault(std::string_view text) { return Scanner(text).run(); }

std::string excerpt(std::string_view foreign) {
    constexpr size_t longest = 60;
    const bool is_cut = foreign.size() > longest;
    if (is_cut) {
        size_t end = longest;
        while (end > longest - 3 && (foreign[end] & 0xc0) == 0x80) {  // inside a code point
            end--;
        }
        foreign = foreign.substr(0, end);
    }
    return printable(foreign) + (is_cut ? "..." : "");
}

std::string describe(std::string_view text, size_t offset) {
    if (offset >= text.size()) {
        return std::string(end_of_file);
    }
    const std::string_view rest = text.substr(offset);
    if (rest[0] == '\0') {
        return "a NUL byte (UTF-16? convert it: iconv -f UTF-16 -t UTF-8)";
    }
    if (static_cast<unsigned char>(rest[0]) >= 0x80 && utf8_length(rest) == 0) {
        return fmt::format("the byte {} (convert the file: iconv -f LATIN1 -t UTF-8)",
                           excerpt(rest.substr(0, 1)));
    }
    if (rest[0] == '#' || rest.starts_with("//") || rest.starts_with("/*")) {
        return "a comment (JSON has none)";
    }
    if (rest[0] == '"') {
        return excerpt(rest.substr(0, std::max(rest.find_first_of("\"\r\n", 1), size_t{1}))) + '"';
    }
    const std::string_view word = word_at(text, offset);
    if (word.empty()) {
        return fmt::format("'{}'", rest[0]);
    }
    constexpr std::array quotes{"'", "`", "\u201c", "\u201d", "\u201e", "\u2018", "\u2019"};
    const bool is_quote = std::any_of(quotes.begin(), quotes.end(),
                                      [&](const char* quote) { return word.starts_with(quote); });
    return excerpt(word) + (is_quote ? " (JSON takes \" only)" : "");
}

}  // namespace vigil::rules
