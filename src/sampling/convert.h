// SPDX-License-Identifier: Apache-2.0
// From what the kernel side tells, or /proc, to a sample.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <optional>

#include "abi/sample.h"
#include "model/sample.h"

namespace vigil::sampling {

// Where a thread ended during the sweep, and so the sums may be off, CPU time is read from /proc.
// Storage bytes are not: there they hold those of children too.
model::Sample sample_of(const vigil_sample& record);

// A process from /proc; nothing where it is gone or a zombie.
std::optional<model::Sample> sample_from_proc(uint32_t pid);

}  // namespace vigil::sampling
