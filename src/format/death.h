// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/event.h"

namespace vigil::format {

// Appends a death as one line for people: what ended which process, and who sent it.
void append_death(std::string& out, const model::Event& event);

}  // namespace vigil::format
