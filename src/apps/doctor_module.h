// SPDX-License-Identifier: Apache-2.0
// The part of `vigil doctor` on the kernel module: it is needed for `vigil verify` only.
#pragma once

#include "apps/findings.h"

namespace vigil::apps {

void look_at_module(Findings& findings);

}  // namespace vigil::apps
