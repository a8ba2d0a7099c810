// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "doctor/report.h"

namespace vigil::doctor {

// Runs every check of this machine, in the order in which `vigil doctor` shows them.
DoctorReport examine();

}  // namespace vigil::doctor
