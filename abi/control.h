/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Memory that the kernel side and user space share besides the ring: filter, wake-up, counters. */
#pragma once

#include "kinds.h"
#include "records.h"

/*
 * Incremented with every change of records.h or this file, and checked by readers of pinned
 * maps.
 */
#define VIGIL_ABI_VERSION 5

/* vigil_filter.flags */
#define VIGIL_FILTER_UID (1 << 0)
#define VIGIL_FILTER_COMM (1 << 1)
#define VIGIL_FILTER_CGROUP (1 << 2)
#define VIGIL_FILTER_TREE (1 << 3)
#define VIGIL_FILTER_THREADS (1 << 4) /* not a restriction: emit thread events too */
#define VIGIL_FILTER_PROCESS \
	(VIGIL_FILTER_UID | VIGIL_FILTER_COMM | VIGIL_FILTER_CGROUP | VIGIL_FILTER_TREE)

/* All conditions must be met; 0 in a pid field matches any pid. */
struct vigil_filter {
	__u64 signals;   /* bit n-1: signal n is wanted */
	__u64 cgroup_id; /* itself or any ancestor */
	__u32 kinds;     /* bit k: kind k is wanted */
	__u32 flags;
	__u32 pid;       /* either side of an event */
	__u32 sender;
	__u32 target;
	__u32 uid;
	__u32 cgroup_level;
	__u32 reserved;
	char comm[VIGIL_COMM_LENGTH]; /* zero filled */
};

/* vigil_control.reader_state: when an event must wake the reader. */
#define VIGIL_READER_AWAKE 0    /* never: no reader, or it is reading */
#define VIGIL_READER_BATCHING 1 /* when wakeup_bytes wait in the ring */
#define VIGIL_READER_IDLE 2     /* immediately */

struct vigil_control {
	struct vigil_filter filter; /* used by the hooks; may be wider than `wanted` */
	struct vigil_filter wanted; /* the user's filter; user space only */
	__u64 attached_ns; /* starts of processes before this were not seen */
	__u64 wakeup_bytes;
	__u64 tree_overflow; /* descendants that did not fit into the tree map */
	__u64 processes_full_ns; /* when a process last did not fit into the processes map */
	__u64 ring_bytes;
	__u32 abi_version;
	__u32 cpu_count;
	__u32 lane_count; /* see VIGIL_LANES */
	__u32 network; /* sent and received bytes are counted */
	__u32 reserved32[2];
	__u64 compared_monotonic_ns; /* set by compare_clocks: CLOCK_MONOTONIC */
	__u64 compared_clock_ns;     /* set by compare_clocks: the run queue's clock; 0: unreadable */
	__u64 reserved[14]; /* reader_state changes often: separate cache line */
	__u32 reader_state;
	__u32 active_cursor; /* which of the two cursors is valid; user space only */
	__u64 consumed[2];   /* ring position of each cursor; user space only */
};

/*
 * Since 7.0 a task can be preempted inside a tracepoint's program, and the kernel then skips
 * that program for every other task on that CPU. So on 7.0 each hook is attached several times,
 * once per lane: the first free lane records the event. Each lane of a CPU has its own counters
 * and streams, at index lane * cpu_count + cpu. Before 7.0 one lane is enough.
 */
#define VIGIL_LANES 4
#define VIGIL_CLAIM_SLOTS 32768 /* per kind; by thread id */
#define VIGIL_CLAIM_ENTRIES (3 * VIGIL_CLAIM_SLOTS)

struct vigil_counter {
	__u64 seen;
	__u64 filtered;
	__u64 dropped;
	__u64 sequence; /* last one assigned, to a record or a drop */
};

struct vigil_cpu_counters {
	struct vigil_counter kind[VIGIL_KIND_SLOTS];
};

/* Position of the reader in one stream; written by user space only. */
struct vigil_stream {
	__u64 sequence; /* of the last record that was read or reported as lost */
	__u64 lost;
	__u64 time_ns; /* of the last record */
};

struct vigil_cpu_streams {
	struct vigil_stream kind[VIGIL_KIND_SLOTS];
};
