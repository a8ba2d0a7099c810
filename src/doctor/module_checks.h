// SPDX-License-Identifier: Apache-2.0
// Checks of `vigil doctor` for the kernel module, which only `vigil verify` needs.
#pragma once

#include "doctor/report.h"

namespace vigil::doctor {

void check_module(DoctorReport& report);

}  // namespace vigil::doctor
