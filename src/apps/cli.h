// SPDX-License-Identifier: Apache-2.0
// What all commands share in reading options and reporting errors.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

#include "apps/commands.h"
#include "base/result.h"

namespace vigil::apps {

// Prints "vigil: ..." to standard error and returns the exit code that goes with it.
inline int fail(const Error& error) {
    fmt::print(stderr, "vigil: {}\n", error.context);
    return static_cast<int>(error.code);
}

// Reads `arguments` into `app`. An exit code where the program is to end at once: after --help,
// or because the arguments are wrong.
inline std::optional<int> parse(CLI::App& app, Arguments arguments) {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 wants the last one first
    try {
        app.parse(arguments);
    } catch (const CLI::CallForHelp&) {
        fmt::print("{}", app.help());
        return 0;
    } catch (const CLI::ParseError& error) {
        fmt::print(stderr, "vigil: {}\nTry '{} --help'.\n", error.what(), app.get_name());
        return static_cast<int>(ErrorCode::usage);
    }
    return std::nullopt;
}

}  // namespace vigil::apps
