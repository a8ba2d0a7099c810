/* SPDX-License-Identifier: Apache-2.0 */
/* Compile-time check of the ABI in C. The sizes equal those of abi_check.cpp. */
#include <linux/types.h>
#include <stddef.h>

#include "abi/control.h"
#include "abi/records.h"
#include "abi/sample.h"

_Static_assert(sizeof(struct vigil_header) == 80, "header");
_Static_assert(sizeof(struct vigil_fork) == 88, "fork");
_Static_assert(offsetof(struct vigil_exec, data) == 176, "exec without its data");
_Static_assert(sizeof(struct vigil_exec) == 176 + VIGIL_FILE_MAX + VIGIL_NAME_MAX + VIGIL_ARGV_MAX, "exec");
_Static_assert(sizeof(struct vigil_exit) == 224, "exit");
_Static_assert(sizeof(struct vigil_signal) == 136, "signal");
_Static_assert(sizeof(struct vigil_oom) == 112, "oom");
_Static_assert(sizeof(struct vigil_kill_failed) == 104, "kill_failed");
_Static_assert(sizeof(struct vigil_sample) == 136, "sample");
_Static_assert(sizeof(struct vigil_filter) == 88, "filter");
_Static_assert(offsetof(struct vigil_control, reader_state) % 64 == 0, "its own cache line");
_Static_assert(sizeof(struct vigil_cpu_counters) == 32 * VIGIL_KIND_SLOTS, "counters");
_Static_assert(sizeof(struct vigil_cpu_streams) == 24 * VIGIL_KIND_SLOTS, "streams");
_Static_assert(VIGIL_FORK == 0 && VIGIL_EXEC == 1 && VIGIL_EXIT == 2 && VIGIL_SIGNAL == 3 &&
		       VIGIL_OOM == 4 && VIGIL_KILL_FAILED == 5,
	       "numbers of kinds are stored: append only");
