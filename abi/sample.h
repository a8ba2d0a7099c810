/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Record of the sweep for one process. Units as in records.h. */
#pragma once

#include "records.h"

/* vigil_sample.flags */
#define VIGIL_SAMPLE_THREAD (1 << 0)          /* one thread's share, to be added to its process */
#define VIGIL_SAMPLE_INCONSISTENT (1 << 1)    /* a thread exited meanwhile: sums may be wrong */
#define VIGIL_SAMPLE_STORAGE_UNKNOWN (1 << 2) /* this kernel does not count storage bytes */
#define VIGIL_SAMPLE_NETWORK_UNKNOWN (1 << 3) /* network bytes are not counted or not stored */

struct vigil_sample {
	__u64 start_ns;
	__u64 exec_id; /* increases with each exec */
	__u64 runtime_ns;
	__u64 read_bytes;
	__u64 write_bytes;
	__u64 sent_bytes; /* TCP and UDP payload */
	__u64 received_bytes;
	__u64 rss_pages;
	__u64 cgroup_id;
	__u32 pid;
	__u32 ppid;
	__u32 uid;
	__u32 gid;
	__u32 threads;
	__u32 releases; /* number of released threads: equal in all consistent shares */
	__u32 flags;
	__u32 pidns_level;
	char comm[VIGIL_COMM_LENGTH];
};
