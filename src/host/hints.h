// SPDX-License-Identifier: Apache-2.0
// Sentences that say how to get what is missing: for error messages and `vigil doctor`.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "host/probe_result.h"

namespace vigil::host {

std::string privileges_hint();
std::string btf_hint();
std::string tracefs_hint();
std::string tested_hint();
std::string lockdown_hint();
std::string memlock_hint();
std::string procfs_hint();
std::string pid_namespace_hint();

// How to get what has run out (ENOMEM, EMFILE, ENFILE); empty for other values of errno.
std::string resource_hint(int error);

// "WHAT: Too many open files: raise ...". `error`: errno.
Error system_failure(std::string_view what, int error);

// How to get what was denied.
std::string denial_hint(const ProbeResult& denial);

}  // namespace vigil::host
