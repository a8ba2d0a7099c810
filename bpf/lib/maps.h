/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps that all hooks share: weak, so that each object file of the link means the same one. */
#pragma once

#include "kernel.h"

#include "../../abi/control.h"
#include "processes.h"

struct vigil_process_key {
	__u64 start_ns;
	__u32 pid;
	__u32 reserved;
};

/* Sizes marked 1 are set by user space before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vigil_control);
} control __weak SEC(".maps");

/* One entry a stream. An ordinary array, because a per-CPU one can't be mapped into user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vigil_cpu_counters);
} counters __weak SEC(".maps");

/* Two cursors of one entry a stream: a reader's state, kept here so that it outlives the reader. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vigil_cpu_streams);
} cursors __weak SEC(".maps");

/* Processes created since the programs were attached, whatever the filter says. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} process_count __weak SEC(".maps");

/* Processes whose exit was told a moment ago: racing threads can each believe to be the last. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct vigil_process_key);
	__type(value, __u8);
} exited __weak SEC(".maps");

/* Which events of fork, exec and exit a lane has taken; with more than one lane
 * VIGIL_CLAIM_ENTRIES long. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} claims __weak SEC(".maps");

/* Members of the watched tree (VIGIL_FILTER_TREE), by pid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} tree __weak SEC(".maps");
