// SPDX-License-Identifier: Apache-2.0 Reads the configuration: a JSON array of rules
// (docs/configuration.md). Either all rules are valid, or the error names file, line, column, key
// and the expected value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rules/rule.h"

namespace vigil::rules {

constexpr size_t max_configuration_bytes = 1 << 20;
constexpr double max_limit = 1e9;

// `name` is the prefix of errors: "sample.json:3:14: ...".
Result<RuleSet> parse(std::string_view text, std::string_view name);

// Calls parse() on a file's content. The file may be a pipe.
Result<RuleSet> load(const std::string& path);

}  // namespace vigil::rules
