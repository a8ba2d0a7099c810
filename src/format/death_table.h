// SPDX-License-Identifier: Apache-2.0
// The table of `vigil history`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "query/query.h"

namespace vigil::format {

struct TableStyle {
    int64_t now_unix_ns = 0;
    size_t columns = 0;  // max columns of a line; 0: unlimited
    bool use_color = false;
};

// A header and one row per death, escaped for a terminal; an unknown value is "-".
std::string death_table(const std::vector<query::Match>& deaths, const TableStyle& style);

}  // namespace vigil::format
