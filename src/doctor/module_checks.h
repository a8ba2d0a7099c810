// SPDX-License-Identifier: Apache-2.0
// The part of `vigil doctor` on the kernel module: it is needed for `vigil verify` only.
#pragma once

#include "doctor/report.h"

namespace vigil::doctor {

void check_module(DoctorReport& report);

}  // namespace vigil::doctor
