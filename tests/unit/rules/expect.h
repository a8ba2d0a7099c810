// SPDX-License-Identifier: Apache-2.0
// Shared by the parser's tests.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "rules/parse.h"
#include "support/printable.h"

namespace vigil::rules {

// A text, and its error message.
using Case = std::pair<std::string_view, std::string_view>;

inline const std::string name_expected =
    "expected a process name of 1 to 255 bytes without control characters";
constexpr auto limit_expected = "expected a number from 0 to 1000000000";

inline Rule rule(std::string process) {
    Rule rule;
    rule.process = std::move(process);
    return rule;
}

// Compares the exact error text after "c:".
inline void expect_error(std::string_view text, std::string_view expected) {
    const auto result = parse(text, "c");
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::usage) << text;
    EXPECT_EQ(result.error().context, fmt::format("c:{}", expected)) << text;
    EXPECT_EQ(test::unprintable(result.error().context, false), "") << text;
}

}  // namespace vigil::rules
