// SPDX-License-Identifier: Apache-2.0
// The parts of `vigil doctor` on the kernel, on privileges and on what both allow.
#pragma once

#include "doctor/report.h"

namespace vigil::doctor {

void check_kernel(DoctorReport& report);
void check_privileges(DoctorReport& report);
void check_facilities(DoctorReport& report);

}  // namespace vigil::doctor
