/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Living processes by pid: what has to be kept of their lives. A header of its own, because the
 * sweeps (bpf/account) are other objects, which share this map by its descriptor.
 */
#pragma once

#include "kernel.h"

struct vigil_process_state {
	__u64 start_ns;       /* whose life; another one is a stale entry of a reused pid */
	__u64 baseline_pages; /* peak RSS counter at the last exec; ~0: none seen */
	__u64 sent_bytes;     /* TCP and UDP payload since it, or the tracer, began */
	__u64 received_bytes;
	__u32 threads;       /* that it has had since its last exec; 0: not known */
	__u32 bytes_partial; /* there was no room for it at first: earlier bytes may be missing */
};

#define VIGIL_NO_BASELINE (~0ULL)

/* Made at the first exec, thread or byte. Full: the process does without what it would hold. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct vigil_process_state);
} processes __weak SEC(".maps");
