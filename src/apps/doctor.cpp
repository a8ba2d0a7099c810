// SPDX-License-Identifier: Apache-2.0
#include "apps/cli.h"

namespace vigil::apps {
int run_doctor(const Arguments&) { return 1; }
}  // namespace vigil::apps
