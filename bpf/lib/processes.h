/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * State of living processes by pid. A separate header, because the sweeps (bpf/account) are
 * other objects, which use this map through its descriptor.
 */
#pragma once

#include "kernel.h"

struct vigil_process_state {
	__u64 start_ns;       /* another value: stale entry of a reused pid */
	__u64 baseline_pages; /* peak RSS counter at the last exec; ~0: no exec seen */
	__u64 sent_bytes;     /* TCP and UDP payload since the process, or the tracer, started */
	__u64 received_bytes;
	__u32 threads;       /* since the last exec; 0: unknown */
	__u32 bytes_partial; /* the map was full at first: earlier bytes may be missing */
};

#define VIGIL_NO_BASELINE (~0ULL)

/*
 * An entry is created at the first exec, thread or byte. If the map is full, the process's
 * values in it are unknown.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct vigil_process_state);
} processes __weak SEC(".maps");
