// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration: what is taken must be in bounds, what is refused must be said
// where and printably, and two readers of JSON must agree about what is JSON.
#include <simdjson.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "check.h"
#include "rules/parse.h"
#include "rules/syntax.h"
#include "support/printable.h"

namespace {

using vigil::fuzz::require;

bool is_text(std::string_view text) {
    return !text.empty() && text.find('\0') == std::string_view::npos;
}

void check_rule(const vigil::rules::Rule& rule, std::string_view input) {
    constexpr uint64_t max_ns = 366ULL * 86'400 * vigil::ns_per_s;
    require(is_text(rule.process) && rule.process.size() <= 255, "process", input);
    require(!rule.user || is_text(*rule.user), "user", input);
    require(!rule.cgroup || is_text(*rule.cgroup), "cgroup", input);
    for (const double limit : rule.limits) {
        require(std::isfinite(limit) && !std::signbit(limit) && limit <= vigil::rules::max_limit,
                "limit", input);
    }
    require(rule.for_ns <= max_ns, "for", input);
    require(rule.cooldown_ns > 0 && rule.cooldown_ns <= max_ns, "cooldown", input);
}

void check_error(const vigil::Error& error) {
    const std::string& text = error.context;
    require(error.code == vigil::ErrorCode::usage, "code", text);
    require(text.starts_with("c.json:") && text.find(": expected ") != std::string::npos, "form",
            text);
    require(text.size() < 1000, "too long", text);
    const std::string wrong = vigil::test::unprintable(text, false);
    require(wrong.empty(), wrong.c_str(), text);
}

// Numbers out of range and deep nesting are JSON, but more than simdjson takes.
void check_syntax(std::string_view text, const std::string& error) {
    static simdjson::dom::parser parser;
    const auto reason = parser.parse(text.data(), text.size()).error();
    const auto syntax_error = vigil::rules::find_syntax_error(text);
    require(reason != simdjson::SUCCESS || !syntax_error, "a fault in JSON", text);
    require(syntax_error || reason == simdjson::SUCCESS || reason == simdjson::NUMBER_ERROR ||
                reason == simdjson::DEPTH_ERROR,
            "no fault found", text);
    require(!syntax_error || syntax_error->offset <= text.size(), "a fault behind the end", text);
    // In an error of good JSON nothing foreign stands in front of what was expected.
    const size_t expected = error.find(": expected ");
    require(reason != simdjson::SUCCESS || expected == std::string::npos ||
                error.compare(expected, 15, ": expected JSON") != 0,
            "no reason found", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto result = vigil::rules::parse(text, "c.json");
    if (!result) {
        check_error(result.error());
    } else {
        for (const vigil::rules::Rule& rule : *result) {
            check_rule(rule, text);
        }
    }
    if (text.starts_with('[')) {
        check_syntax(text, result ? "" : result.error().context);
        require(!result || !vigil::rules::find_syntax_error(text), "taken, but no JSON", text);
    }
    return 0;
}
