// SPDX-License-Identifier: Apache-2.0
#include "rules/parse.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "rules/keys.h"
#include "rules/syntax.h"

namespace vigil::rules {
namespace {

namespace ondemand = simdjson::ondemand;
using ondemand::json_type;

constexpr const char* array_of_rules = "an array of rules, [ ... ]";

size_t line_of(std::string_view text, size_t offset) {
    const std::string_view before = text.substr(0, offset);
    return 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
}

// "sample.json:3:14: rule 2: cpu: expected ..., found ...".
Error error_at(std::string_view text, std::string_view name, const SyntaxError& syntax_error) {
    const size_t line_begin = text.substr(0, syntax_error.offset).rfind('\n') + 1;  // npos + 1 is 0
    std::string where = syntax_error.rule == 0 ? "" : fmt::format("rule {}: ", syntax_error.rule);
    where += syntax_error.key.empty() ? "" : syntax_error.key + ": ";
    return usage_error(fmt::format("{}:{}:{}: {}expected {}, found {}", escape_terminal(name),
                                   line_of(text, syntax_error.offset),
                                   syntax_error.offset - line_begin + 1, where,
                                   syntax_error.expected, syntax_error.found));
}

SyntaxError outside_of_rules(size_t offset, std::string expected, std::string found) {
    return {offset, 0, "", false, std::move(expected), std::move(found)};
}

std::optional<SyntaxError> byte_order_mark(std::string_view text) {
    using namespace std::string_view_literals;
    constexpr std::pair<std::string_view, const char*> marks[] = {
        {"\xef\xbb\xbf"sv, "one: save the file as UTF-8 without BOM"},
        {"\xff\xfe\0\0"sv, "that of UTF-32: convert it with iconv -f UTF-32 -t UTF-8"},
        {"\0\0\xfe\xff"sv, "that of UTF-32: convert it with iconv -f UTF-32 -t UTF-8"},
        {"\xff\xfe"sv, "that of UTF-16: convert it with iconv -f UTF-16 -t UTF-8"},
        {"\xfe\xff"sv, "that of UTF-16: convert it with iconv -f UTF-16 -t UTF-8"},
    };
    for (const auto& [mark, found] : marks) {
        if (text.starts_with(mark)) {
            return outside_of_rules(0, "UTF-8 without a byte order mark", found);
        }
    }
    return std::nullopt;
}

// Errors that can be found before any value is read.
std::optional<SyntaxError> error_at_begin(std::string_view text) {
    if (text.size() > max_configuration_bytes) {
        return outside_of_rules(max_configuration_bytes,
                                fmt::format("at most {} bytes", max_configuration_bytes), "more");
    }
    if (auto syntax_error = byte_order_mark(text)) {
        return syntax_error;
    }
    const size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    if (begin == text.size()) {
        return outside_of_rules(begin, array_of_rules,
                                text.empty() ? "an empty file" : "only white space");
    }
    if (text[begin] == '{') {
        return outside_of_rules(begin, array_of_rules, "an object: put [ ] around it");
    }
    if (text[begin] != '[') {
        return outside_of_rules(begin, array_of_rules, describe(text, begin));
    }
    return std::nullopt;
}

std::string describe(const Value& value) {
    switch (value.type) {
        case Value::Type::object:
            return "an object";
        case Value::Type::array:
            return "an array";
        case Value::Type::string:
            return fmt::format("\"{}\"", excerpt(value.text));
        default:
            return excerpt(value.token);
    }
}

std::string known_keys() {
    std::string list = "one of the keys";
    for (const Key& key : keys()) {
        list += (&key == keys().data() ? " " : ", ") + key.name;
    }
    return list;
}

// An arbitrary order, for std::map.
struct Less {
    static auto members(const Rule& rule) {
        return std::tie(rule.process, rule.user, rule.cgroup, rule.limits, rule.for_ns,
                        rule.cooldown_ns);
    }
    bool operator()(const Rule& a, const Rule& b) const { return members(a) < members(b); }
};

class RuleParser {
 public:
    RuleParser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

    Result<RuleSet> read();

 private:
    using Keys = std::vector<const Key*>;

    // These throw simdjson_error if the text is not JSON.
    Result<void> read_rules();
    Result<void> read_rule(ondemand::value element);
    Result<void> read_field(ondemand::field field, Rule& rule, Keys& seen);
    Result<const Key*> read_key(ondemand::field& field, Keys& seen);
    static Value read_value(ondemand::value value);

    Result<void> add_rule(Rule rule, size_t offset);
    size_t offset_of(const char* position) const {
        return static_cast<size_t>(position - padded_.data());
    }
    Error error_here(size_t offset, std::string_view key, std::string expected, std::string found) {
        return error_at(
            text_, name_,
            {offset, rule_, std::string(key), false, std::move(expected), std::move(found)});
    }
    Error json_error(const char* reason);

    std::string_view text_, name_;
    simdjson::padded_string padded_{text_};
    ondemand::parser parser_;
    size_t rule_ = 0;  // number of the rule being read, from 1
    RuleSet rules_;
    std::map<Rule, size_t, Less> rule_offsets_;  // offsets of rules_ in the text
};

Result<RuleSet> RuleParser::read() {
    if (const auto syntax_error = error_at_begin(text_)) {
        return error_at(text_, name_, *syntax_error);
    }
    try {
        TRY(read_rules());
    } catch (const simdjson::simdjson_error& error) {
        return json_error(error.what());
    }
    return std::move(rules_);
}

Result<void> RuleParser::read_rules() {
    ondemand::document document = parser_.iterate(padded_);
    for (ondemand::value element : document.get_array()) {
        rule_++;
        TRY(read_rule(element));
    }
    rule_ = 0;
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
        return json_error("more after the array");
    }
    return {};
}

Result<void> RuleParser::read_rule(ondemand::value element) {
    const size_t offset = offset_of(std::string_view(element.raw_json_token()).data());
    if (element.type() != json_type::object) {
        return error_here(offset, "", R"(an object such as {"process": "nginx", "cpu": 50})",
                          describe(read_value(element)));
    }
    Rule rule;
    Keys seen;
    for (ondemand::field field : element.get_object()) {
        TRY(read_field(field, rule, seen));
    }
    if (rule.process.empty()) {
        return error_here(offset, "", "the key process", "none");
    }
    return add_rule(std::move(rule), offset);
}

Result<void> RuleParser::read_field(ondemand::field field, Rule& rule, Keys& seen) {
    TRY_ASSIGN(const Key* key, read_key(field, seen));
    const Value value = read_value(field.value());
    if (!key->read(*key, value, rule)) {
        return error_here(offset_of(value.token.data()), key->name, key->expected, describe(value));
    }
    return {};
}

Result<const Key*> RuleParser::read_key(ondemand::field& field, Keys& seen) {
    const size_t offset = offset_of(field.key().raw()) - 1;
    const std::string_view name = field.unescaped_key();
    const Key* key = find_key(name);
    if (key == nullptr) {
        const Key* similar = find_similar_key(name);
        return error_here(
            offset, "", known_keys(),
            fmt::format(
                "\"{}\"{}", excerpt(name),
                similar == nullptr ? "" : fmt::format(": did you mean \"{}\"?", similar->name)));
    }
    for (const Key* other : seen) {
        if (other == key) {
            return error_here(offset, name, "the key once", "it again");
        }
        if (other->read == key->read && other->metric == key->metric) {
            return error_here(offset, name, fmt::format("either {} or {}", other->name, name),
                              "both");
        }
    }
    seen.push_back(key);
    return key;
}

Value RuleParser::read_value(ondemand::value value) {
    Value out;
    out.token = value.raw_json_token();
    out.token = out.token.substr(0, out.token.find_last_not_of(" \t\r\n") + 1);
    switch (value.type().value()) {
        case json_type::object:
            out.type = Value::Type::object;
            break;
        case json_type::array:
            out.type = Value::Type::array;
            break;
        case json_type::string:
            out.type = Value::Type::string;
            out.text = value.get_string();
            break;
        case json_type::number:
            out.type = Value::Type::number;
            // A number that simdjson rejects, such as 1e999, leaves NaN, which no key accepts.
            if (double number = 0; !value.get_double().get(number)) {
                out.number = number;
            }
            break;
        default:
            break;
    }
    return out;
}

Result<void> RuleParser::add_rule(Rule rule, size_t offset) {
    const auto [first, is_new] = rule_offsets_.try_emplace(rule, offset);
    if (!is_new) {
        return error_here(offset, "", "every rule once",
                          fmt::format("the one of line {} again", line_of(text_, first->second)));
    }
    rules_.push_back(std::move(rule));
    return {};
}

// The position that simdjson reports is that of the token after the error, if any.
Error RuleParser::json_error(const char* reason) {
    auto syntax_error = find_syntax_error(text_);
    if (!syntax_error) {
        return error_here(0, "", "JSON that can be read", reason);
    }
    const Key* key = syntax_error->is_value ? find_key(syntax_error->key) : nullptr;
    syntax_error->expected = key != nullptr ? key->expected : syntax_error->expected;
    return error_at(text_, name_, *syntax_error);
}

Error cannot_read(const std::string& path, int error) {
    const char* hint = error == ENOENT   ? "check the path; config/sample.json is an example"
                       : error == EISDIR ? "expected a file with rules"
                       : error == EACCES || error == EPERM ? "check who may read it (ls -l)"
                                                           : "expected a file that can be read";
    return usage_error(
        fmt::format("{}: {}: {}", escape_terminal(path), std::strerror(error), hint));
}

}  // namespace

Result<RuleSet> parse(std::string_view text, std::string_view name) {
    return RuleParser(text, name).read();
}

Result<RuleSet> load(const std::string& path) {
    auto text = read_file(path, max_configuration_bytes);
    if (!text) {
        return cannot_read(path, errno);
    }
    return parse(*text, path);
}

}  // namespace vigil::rules
