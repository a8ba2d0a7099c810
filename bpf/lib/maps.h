/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Maps that all hooks share: weak, so that the linker merges the definitions of all object
 * files.
 */
#pragma once

#include "kernel.h"

#include "../../abi/control.h"
#include "processes.h"

struct vigil_process_key {
	__u64 start_ns;
	__u32 pid;
	__u32 reserved;
};

/* User space sets sizes that are 1 here before loading. */
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

/* One entry per stream. Not a per-CPU array, because that can't be mapped into user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vigil_cpu_counters);
} counters __weak SEC(".maps");

/* Two cursors of one entry per stream: state of the reader that outlives it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vigil_cpu_streams);
} cursors __weak SEC(".maps");

/* Processes created since the programs were attached, regardless of the filter. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} process_count __weak SEC(".maps");

/* Processes whose exit was just reported: several racing threads may look like the last one. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct vigil_process_key);
	__type(value, __u8);
} exited __weak SEC(".maps");

/*
 * Events of fork, exec and exit that a lane has claimed; VIGIL_CLAIM_ENTRIES entries if there is
 * more than one lane.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} claims __weak SEC(".maps");

/* Members of the watched tree (VIGIL_FILTER_TREE), by pid: VIGIL_TREE_*. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} tree __weak SEC(".maps");
