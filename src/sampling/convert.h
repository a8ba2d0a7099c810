// SPDX-License-Identifier: Apache-2.0
// Converts records of the kernel side, and files of /proc, to samples.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <optional>

#include "abi/sample.h"
#include "model/sample.h"

namespace vigil::sampling {

// If a thread exited during the sweep, so that the sums may be wrong, CPU time is read from /proc.
// Storage bytes are not: in /proc they include those of children.
model::Sample sample_of(const vigil_sample& record);

// A process from /proc; nullopt if it is gone or a zombie.
std::optional<model::Sample> sample_from_proc(uint32_t pid);

}  // namespace vigil::sampling
