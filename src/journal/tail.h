// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace vigil::journal {

// The last n lines of the journal with their '\n', oldest first. Only the end of each segment is
// read, except rotated ones before the newest, whose lines are counted. Damaged lines (too long)
// are skipped.
Result<std::vector<std::string>> tail(const std::string& path, size_t n);

}  // namespace vigil::journal
