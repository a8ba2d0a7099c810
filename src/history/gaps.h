// SPDX-License-Identifier: Apache-2.0
// What is said of deaths that nobody has written down.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "history/certificate.h"

namespace vigil::history {

// A few lines with their ends, as "37 exits unknown, 12:01:03–04"; many receipts of a kind are
// summed up in one. Nothing where there are none.
std::string gaps_text(const std::vector<Receipt>& receipts, int64_t now_unix_ns);

}  // namespace vigil::history
