// SPDX-License-Identifier: Apache-2.0
// The parts of `vigil doctor` that load programs and maps. Nothing stays loaded.
#pragma once

#include "doctor/report.h"

namespace vigil::doctor {

void check_hooks(DoctorReport& report);
void check_ring(DoctorReport& report);
void check_program_types(DoctorReport& report);

// Reports the ways in which vigil gets what kernels offer differently.
void choose_methods(DoctorReport& report);

}  // namespace vigil::doctor
