// SPDX-License-Identifier: Apache-2.0
// Compile-time check of the ABI in C++. The sizes equal those of abi_check.c.
#include <linux/types.h>

#include <cstddef>
#include <type_traits>

#include "abi/control.h"
#include "abi/records.h"
#include "abi/sample.h"

static_assert(sizeof(vigil_header) == 80);
static_assert(sizeof(vigil_fork) == 88);
static_assert(offsetof(vigil_exec, data) == 176);
static_assert(sizeof(vigil_exec) == 176 + VIGIL_FILE_MAX + VIGIL_NAME_MAX + VIGIL_ARGV_MAX);
static_assert(sizeof(vigil_exit) == 224);
static_assert(sizeof(vigil_signal) == 136);
static_assert(sizeof(vigil_oom) == 112);
static_assert(sizeof(vigil_kill_failed) == 104);
static_assert(sizeof(vigil_sample) == 136);
static_assert(sizeof(vigil_filter) == 88);
static_assert(offsetof(vigil_control, reader_state) % 64 == 0);
static_assert(sizeof(vigil_cpu_counters) == 32 * VIGIL_KIND_SLOTS);
static_assert(sizeof(vigil_cpu_streams) == 24 * VIGIL_KIND_SLOTS);
static_assert(std::is_trivially_copyable_v<vigil_exec> && std::is_standard_layout_v<vigil_exec>);
