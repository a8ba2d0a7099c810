// SPDX-License-Identifier: Apache-2.0
// What `vigil why` and `vigil history` share: where deaths are kept, and how they are asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "history/query.h"

namespace vigil::apps {

// Folders that may hold deaths: below `state` or that itself, or else those of all commands that
// keep some.
std::vector<std::string> death_folders(const std::optional<std::string>& state);

// The journals in these folders that can hold what is asked for.
std::vector<std::string> journals_for(const std::vector<std::string>& folders,
                                      const history::Query& query);

// Each one once.
void say_troubles(std::vector<std::string> troubles);

// Says that nothing was found, and what to do about it. `asked`: "death of pid 4242".
void say_nothing_found(const std::vector<std::string>& folders, const history::Answer& answer,
                       const std::string& asked);

constexpr uint64_t largest_pid = 4'194'304;  // PID_MAX_LIMIT

// A whole number from 1 to `most`; `option` is for the error.
Result<uint64_t> parse_count(const std::string& text, std::string_view option, uint64_t most);

// A name: 1 to 4,096 bytes without a NUL; `option` is for the error.
Result<void> check_pattern(const std::optional<std::string>& text, const std::string& option);

}  // namespace vigil::apps
