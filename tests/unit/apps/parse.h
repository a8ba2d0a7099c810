// SPDX-License-Identifier: Apache-2.0
// Command lines, and what becomes of them.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "apps/trace_options.h"

namespace vigil::apps {

// The request; fails the test where there is none.
inline TraceRequest good(const Arguments& arguments) {
    Parsed parsed = parse_trace(arguments);
    EXPECT_TRUE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 0);
    return parsed.request.value_or(TraceRequest{});
}

// What is said on standard error; the exit code must be 2 and there must be no request.
inline std::string bad(Parsed (*parse)(const Arguments&), const Arguments& arguments) {
    ::testing::internal::CaptureStderr();
    const Parsed parsed = parse(arguments);
    std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_FALSE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 2) << ::testing::PrintToString(arguments);
    EXPECT_EQ(said.rfind("vigil: ", 0), 0U) << said;
    EXPECT_EQ(said.empty() ? '\0' : said.back(), '\n');
    return said;
}

inline std::string bad(const Arguments& arguments) { return bad(parse_trace, arguments); }

}  // namespace vigil::apps
