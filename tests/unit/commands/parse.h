// SPDX-License-Identifier: Apache-2.0
// Helpers that parse command lines.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "commands/trace/trace_options.h"

namespace vigil::commands {

// The request; fails the test if there is none.
inline TraceRequest good(const cli::Arguments& arguments) {
    ParsedTrace parsed = parse_trace(arguments);
    EXPECT_TRUE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 0);
    return parsed.request.value_or(TraceRequest{});
}

// The output on standard error; the exit code must be 2 and there must be no request.
inline std::string bad(ParsedTrace (*parse)(const cli::Arguments&),
                       const cli::Arguments& arguments) {
    ::testing::internal::CaptureStderr();
    const ParsedTrace parsed = parse(arguments);
    std::string output = ::testing::internal::GetCapturedStderr();
    EXPECT_FALSE(parsed.request) << ::testing::PrintToString(arguments);
    EXPECT_EQ(parsed.exit_code, 2) << ::testing::PrintToString(arguments);
    EXPECT_EQ(output.rfind("vigil: ", 0), 0U) << output;
    EXPECT_EQ(output.empty() ? '\0' : output.back(), '\n');
    return output;
}

inline std::string bad(const cli::Arguments& arguments) { return bad(parse_trace, arguments); }

}  // namespace vigil::commands
