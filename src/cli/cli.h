// SPDX-License-Identifier: Apache-2.0
// What all commands share in reading options and reporting errors.
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

// Prints "vigil: ..." to standard error and returns the exit code that goes with it.
inline int fail(const Error& error) {
    print(stderr, "vigil: {}\n", error.context);
    return static_cast<int>(error.code);
}

// What was read, or its error said.
template <class Request>
ParseResult<Request> to_parse_result(Result<Request> request) {
    if (!request) {
        return {std::nullopt, fail(request.error())};
    }
    return {std::move(*request), 0};
}

// The exit code of what was done; an error is said.
inline int finish(const Result<int>& done) { return done ? *done : fail(done.error()); }
inline int finish(const Result<void>& done) { return done ? 0 : fail(done.error()); }

// Does what is asked for; the exit code.
template <class Request, class Work>
int run_parsed(const ParseResult<Request>& parsed, const Work& work) {
    return parsed.request ? finish(work(*parsed.request)) : parsed.exit_code;
}

}  // namespace vigil::cli
