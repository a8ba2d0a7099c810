// SPDX-License-Identifier: Apache-2.0
// Shared by `vigil why` and `vigil history`: where deaths are stored, and how they are queried.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/query.h"

namespace vigil::commands {

// Directories that may contain deaths: `state` or its subdirectory, or by default those of all
// commands that store deaths.
std::vector<std::string> death_directories(const std::optional<std::string>& state);

constexpr const char* recorder_state_help = "State directory to read [all of this user's]";

// The journals in these directories that can contain matches of the query.
std::vector<std::string> death_journals(const std::vector<std::string>& directories,
                                        const query::Query& query);

// Of this boot, for queries.
query::BootClock present_clock();

// Prints each error once.
void print_errors(std::vector<std::string> errors);

// Reports that nothing was found, and what to do about it. `subject`: "death of pid 4242".
void print_nothing_found(const std::vector<std::string>& directories,
                         const query::QueryResult& result, const std::string& subject);

// Whose pids they are: a pid from inside a container is another one. For a query of a pid; if
// something was found, only where ps shows other pids than those recorded.
void print_pid_hint(bool found);

// Of a name without wildcards that was not found: names of kept deaths that contain it.
void print_similar(const std::vector<std::string>& directories, const std::string& name);

constexpr uint64_t max_pid = 4'194'304;  // PID_MAX_LIMIT

// An integer from 1 to `max`; `option` is for the error.
Result<uint64_t> parse_count(const std::string& text, std::string_view option, uint64_t max);

// A name: 1 to 4,096 bytes without a NUL; `option` is for the error.
Result<void> check_pattern(const std::optional<std::string>& text, const std::string& option);

}  // namespace vigil::commands
