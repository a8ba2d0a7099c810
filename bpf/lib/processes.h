/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Living processes by pid: what has to be kept of their lives. A header of its own, because the
 * sweeps (bpf/account) are other objects, which share this map by its descriptor.
 */
#pragma once

#include "kernel.h"

struct vigil_process_state {
	__u64 start_ns;       /* whose life; another one is a stale entry of a reused pid */
	__u64 baseline_pages; /* see VIGIL_MEMORY_*; ~0: no exec or fork of it was seen */
	__u64 sent_bytes;     /* TCP and UDP payload since it, or the tracer, began */
	__u64 received_bytes;
	__u32 threads;       /* that it has had since its last exec; 0: not known */
	__u16 bytes_partial; /* there was no room for it at first: earlier bytes may be missing */
	__u16 memory;        /* VIGIL_MEMORY_* */
};

/* Whose memory a process is in, and so what its peak is counted from. */
#define VIGIL_MEMORY_EXECED 0   /* its own since an exec: baseline_pages is the peak counter then */
#define VIGIL_MEMORY_COPIED 1   /* a copy of its parent's: baseline_pages is its size at birth */
#define VIGIL_MEMORY_BORROWED 2 /* its parent's, as vfork(2) has it */

#define VIGIL_NO_BASELINE (~0ULL)

/* Made at the fork; of older processes at the first exec, thread or byte. Full: the process does without what it would hold. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct vigil_process_state);
} processes __weak SEC(".maps");
