// SPDX-License-Identifier: Apache-2.0
// The text of `vigil why`: a sentence that summarises the death, then the facts.
#pragma once

#include <cstdint>
#include <string>

#include "query/record_parser.h"

namespace vigil::format {

// Lines with their line ends, escaped for a terminal. Times are local, with the date unless it is
// today's.
std::string death_report(const query::DeathRecord& record, int64_t now_unix_ns, bool use_color);

}  // namespace vigil::format
