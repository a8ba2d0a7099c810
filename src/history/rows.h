// SPDX-License-Identifier: Apache-2.0
// The table of `vigil history`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "history/query.h"

namespace vigil::history {

struct RowStyle {
    int64_t now_unix_ns = 0;
    size_t columns = 0;  // of the terminal: lines are cut to it; 0: no bound
    bool colour = false;
};

// A header and a row for each death, safe for a terminal; what is not known is "-".
std::string rows(const std::vector<Found>& deaths, const RowStyle& style);

}  // namespace vigil::history
