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

// The text up to the next space or JSON punctuation mark.
std::string_view token_at(std::string_view text, size_t offset) {
    return text.substr(offset, text.find_first_of(" \t\r\n,:[]{}\"", offset) - offset);
}

// False if there is no digit.
bool skip_digits(std::string_view& token) {
    const size_t count = std::min(token.find_first_not_of(digits), token.size());
    token.remove_prefix(count);
    return count > 0;
}

bool skip_one_of(std::string_view& token, std::string_view set) {
    const bool fits = !token.empty() && is_one_of(set, token[0]);
    token.remove_prefix(fits ? 1 : 0);
    return fits;
}

bool is_number(std::string_view token) {
    skip_one_of(token, "-");
    if (!skip_one_of(token, "0") && !skip_digits(token)) {
        return false;
    }
    if (skip_one_of(token, ".") && !skip_digits(token)) {
        return false;
    }
    if (skip_one_of(token, "eE")) {
        skip_one_of(token, "+-");
        if (!skip_digits(token)) {
            return false;
        }
    }
    return token.empty();
}

bool is_literal(std::string_view token) {
    return token == "true" || token == "false" || token == "null";
}

// Length of the non-ASCII sequence at the start of `text`; 0 if it is not valid UTF-8.
size_t utf8_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text[0]);
    const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    return text.size() >= length && simdjson::validate_utf8(text.data(), length) ? length : 0;
}

class JsonScanner {
 public:
    explicit JsonScanner(std::string_view text) : text_(text) {}

    // Without recursion: the nesting depth is only bounded by the file's length.
    std::optional<SyntaxError> run() {
        while (!done_) {
            at_ = std::min(text_.find_first_not_of(space, at_), text_.size());
            if (!step()) {
                return std::move(error_);
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
    bool skip(char c) {
        const bool fits = has(c);
        at_ += fits ? 1 : 0;
        return fits;
    }
    bool expect_next(Next next) {
        next_ = next;
        return true;
    }
    bool open(char bracket, Next next) {
        at_++;
        open_ += bracket;
        return expect_next(next);
    }
    bool close() {
        at_++;
        open_.pop_back();
        return expect_next(Next::separator);
    }
    bool fail(size_t offset, std::string expected, std::string found);
    bool fail_here(std::string expected) {
        return fail(at_, std::move(expected), describe(text_, at_));
    }

    std::string_view text_;
    size_t at_ = 0;
    size_t comma_ = 0;  // position of the last comma
    std::string open_;  // open brackets, outermost first
    Next next_ = Next::value;
    size_t rules_ = 0;
    std::string_view key_;
    bool done_ = false;
    SyntaxError error_;
};

bool JsonScanner::fail(size_t offset, std::string expected, std::string found) {
    const bool in_rule = open_.size() > 1 || next_ == Next::value || next_ == Next::first_value;
    error_.offset = offset;
    error_.rule = in_rule ? rules_ : 0;
    error_.key = open_.size() > 1 ? excerpt(key_) : "";
    error_.expected = std::move(expected);
    error_.found = std::move(found);
    return false;
}

bool JsonScanner::step() {
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

bool JsonScanner::value() {
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
        return string() && expect_next(Next::separator);
    }
    const std::string_view token = token_at(text_, at_);
    if (!is_literal(token) && !is_number(token)) {
        error_.is_value = open_.size() == 2 && open_[1] == '{';
        return fail_here(open_.size() == 1 ? "a rule in { }" : "a value");
    }
    at_ += token.size();
    return expect_next(Next::separator);
}

bool JsonScanner::key() {
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
    return skip(':') ? expect_next(Next::value) : fail_here("':' after the key");
}

bool JsonScanner::separator() {
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
    return expect_next(in_array ? Next::value : Next::key);
}

bool JsonScanner::string() {
    const size_t begin = at_++;
    while (!skip('"')) {
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

// "\u1234"; at_ is the position of the backslash.
bool JsonScanner::hex_escape(uint32_t& unit) {
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

bool JsonScanner::escape() {
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

std::optional<SyntaxError> find_syntax_error(std::string_view text) {
    return JsonScanner(text).run();
}

std::string excerpt(std::string_view untrusted) {
    constexpr size_t max_bytes = 60;
    const bool is_cut = untrusted.size() > max_bytes;
    if (is_cut) {
        size_t end = max_bytes;
        // not in the middle of a code point
        while (end > max_bytes - 3 && (untrusted[end] & 0xc0) == 0x80) {
            end--;
        }
        untrusted = untrusted.substr(0, end);
    }
    return escape_terminal(untrusted) + (is_cut ? "..." : "");
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
    const std::string_view token = token_at(text, offset);
    if (token.empty()) {
        return fmt::format("'{}'", rest[0]);
    }
    constexpr std::array quotes{"'", "`", "\u201c", "\u201d", "\u201e", "\u2018", "\u2019"};
    const bool is_quote = std::any_of(quotes.begin(), quotes.end(),
                                      [&](const char* quote) { return token.starts_with(quote); });
    return excerpt(token) + (is_quote ? " (JSON takes \" only)" : "");
}

}  // namespace vigil::rules
