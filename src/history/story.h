// SPDX-License-Identifier: Apache-2.0
// The text of `vigil why`: what happened in one sentence, then the facts.
#pragma once

#include <cstdint>
#include <string>

#include "history/certificate.h"

namespace vigil::history {

// Lines with their ends, safe for a terminal. Times are local, with a date where it is not today's.
std::string story(const Certificate& certificate, int64_t now_unix_ns, bool colour);

}  // namespace vigil::history
