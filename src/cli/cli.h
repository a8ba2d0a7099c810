// SPDX-License-Identifier: Apache-2.0
// Option parsing and error reporting that all commands share.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "base/print.h"
#include "base/result.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/option_parser.h"

namespace vigil::cli {

// Prints "vigil: ..." to standard error and returns the exit code for this error.
inline int fail(const Error& error) {
    print(stderr, "vigil: {}\n", error.context);
    return static_cast<int>(error.code);
}

// Converts a Result; prints the error and keeps its exit code.
template <class Request>
ParseResult<Request> to_parse_result(Result<Request> request) {
    if (!request) {
        return {std::nullopt, fail(request.error())};
    }
    return {std::move(*request), 0};
}

// The exit code of a finished command; prints the error.
inline int finish(const Result<int>& done) { return done ? *done : fail(done.error()); }
inline int finish(const Result<void>& done) { return done ? 0 : fail(done.error()); }

// Runs `work` with the request and returns the exit code.
template <class Request, class Work>
int run_parsed(const ParseResult<Request>& parsed, const Work& work) {
    return parsed.request ? finish(work(*parsed.request)) : parsed.exit_code;
}

}  // namespace vigil::cli
