/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Kinds of records that the kernel side emits. Append only: the numbers are stored. */
#pragma once

/* X(number, NAME, name): `name` is the kind's name in -e, in text and in JSON. */
#define VIGIL_KINDS(X)              \
	X(0, FORK, fork)            \
	X(1, EXEC, exec)            \
	X(2, EXIT, exit)            \
	X(3, SIGNAL, signal)        \
	X(4, OOM, oom)              \
	X(5, KILL_FAILED, kill_failed)

enum vigil_kind {
#define VIGIL_KIND_CONSTANT(number, NAME, name) VIGIL_##NAME = number,
	VIGIL_KINDS(VIGIL_KIND_CONSTANT)
#undef VIGIL_KIND_CONSTANT
};

/* Slots in the per-CPU tables, including spare ones for later kinds. */
#define VIGIL_KIND_SLOTS 8
