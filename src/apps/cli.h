// SPDX-License-Identifier: Apache-2.0
// What all commands share in reading options and reporting errors.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "apps/commands.h"
#include "base/result.h"
#include "base/say.h"
#include "base/text.h"

namespace vigil::apps {

// Prints "vigil: ..." to standard error and returns the exit code that goes with it.
inline int fail(const Error& error) {
    say(stderr, "vigil: {}\n", error.context);
    return static_cast<int>(error.code);
}

// Reads `arguments` into `app`. An exit code where the program is to end at once: after --help,
// or because the arguments are wrong.
inline std::optional<int> parse(CLI::App& app, Arguments arguments) {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 wants the last one first
    try {
        app.parse(arguments);
    } catch (const CLI::CallForHelp&) {
        say(stdout, "{}", app.help());
        return 0;
    } catch (const CLI::ParseError& error) {
        say(stderr, "vigil: {}\nTry '{} --help'.\n", printable(error.what()), app.get_name());
        return static_cast<int>(ErrorCode::usage);
    }
    return std::nullopt;
}

// What was read, or its error said.
template <class Request>
Asked<Request> asked(Result<Request> request) {
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
int run_asked(const Asked<Request>& asked, const Work& work) {
    return asked.request ? finish(work(*asked.request)) : asked.exit_code;
}

// Colour only on a terminal that can show it, and not against the user's wish.
inline bool wants_colour() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string_view(value != nullptr ? value : "");
    };
    return ::isatty(STDOUT_FILENO) == 1 && variable("NO_COLOR").empty() &&
           variable("TERM") != "dumb";
}

}  // namespace vigil::apps
