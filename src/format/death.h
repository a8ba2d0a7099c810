// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/event.h"

namespace vigil::format {

// Appends a death as one line of text: the process, what ended it, and the sender of the signal.
void append_death(std::string& out, const model::Event& event);

}  // namespace vigil::format
