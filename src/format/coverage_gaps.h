// SPDX-License-Identifier: Apache-2.0
// Text about coverage gaps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/record_parser.h"

namespace vigil::format {

// A few lines with their line ends, such as "37 exits unknown, 12:01:03–04"; many gaps of a kind
// are summed up in one line. Empty if there are none.
std::string format_coverage_gaps(const std::vector<query::CoverageGap>& gaps, int64_t now_unix_ns);

}  // namespace vigil::format
