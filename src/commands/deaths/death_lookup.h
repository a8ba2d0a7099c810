// SPDX-License-Identifier: Apache-2.0
// What `vigil why` and `vigil history` share: where deaths are kept, and how they are asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/query.h"

namespace vigil::commands {

// Directories that may hold deaths: below `state` or that itself, or else those of all commands
// that keep some.
std::vector<std::string> death_directories(const std::optional<std::string>& state);

constexpr const char* recorder_state_help =
    "Directory of the one who keeps them [all of this user's]";

// The journals in these directories that can hold what is asked for.
std::vector<std::string> death_journals(const std::vector<std::string>& directories,
                                        const query::Query& query);

// Each one once.
void print_errors(std::vector<std::string> errors);

// Says that nothing was found, and what to do about it. `asked`: "death of pid 4242".
void print_nothing_found(const std::vector<std::string>& directories,
                         const query::QueryResult& result, const std::string& subject);

constexpr uint64_t max_pid = 4'194'304;  // PID_MAX_LIMIT

// A whole number from 1 to `most`; `option` is for the error.
Result<uint64_t> parse_count(const std::string& text, std::string_view option, uint64_t max);

// A name: 1 to 4,096 bytes without a NUL; `option` is for the error.
Result<void> check_pattern(const std::optional<std::string>& text, const std::string& option);

}  // namespace vigil::commands
