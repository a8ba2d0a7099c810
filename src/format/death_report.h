// SPDX-License-Identifier: Apache-2.0
// The text of `vigil why`: what happened in one sentence, then the facts.
#pragma once

#include <cstdint>
#include <string>

#include "query/record_parser.h"

namespace vigil::format {

// Lines with their ends, safe for a terminal. Times are local, with a date where it is not today's.
std::string death_report(const query::DeathRecord& record, int64_t now_unix_ns, bool use_color);

}  // namespace vigil::format
