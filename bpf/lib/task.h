/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading tasks, processes and memory descriptors. */
#pragma once

#include "maps.h"

/*
 * Reads a member of a kernel object, through other objects. If the verifier knows the object's
 * type (an argument of the tracepoint, and everything reached from it), a plain load works,
 * which costs a tenth of the helper call that any other address needs.
 */
enum { UNTYPED, TYPED };
#define READ_FIELD(typed, object, ...) \
	((typed) ? ___arrow(object, __VA_ARGS__) : BPF_CORE_READ(object, __VA_ARGS__))

static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/* True if this kernel provides the current task as a typed object (since 5.11). */
static __always_inline int has_typed_current(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id___later,
					  BPF_FUNC_get_current_task_btf___later);
}

static __always_inline struct task_struct *leader_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, group_leader);
}

/* The kernel initializes all bytes, with a NUL at the end. */
static __always_inline void copy_comm(char comm[VIGIL_COMM_LENGTH], const struct task_struct *task)
{
	bpf_probe_read_kernel(comm, VIGIL_COMM_LENGTH,
			      (const void *)task + bpf_core_field_offset(task->comm));
}

/*
 * A tracepoint's argument as a plain number. Typed access would tie the program to one kernel's
 * prototype: signal_generate's info is a scalar on 6.12 and a trusted pointer on 6.18,
 * mark_victim passes a pid or a task, sched_process_exit has a second argument or none.
 */
static __always_inline __u64 raw_argument(const void *context, int index)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (const __u64 *)context + index);
	return value;
}

/* Fills the header's process fields from any thread of the process, except `tid`. */
static __always_inline void fill_header(struct vigil_header *header, struct task_struct *task,
				     const int typed)
{
	header->start_ns = READ_FIELD(typed, task, group_leader, start_boottime);
	header->cgroup_id = READ_FIELD(typed, task, cgroups, dfl_cgrp, kn, id);
	header->pid = READ_FIELD(typed, task, tgid);
	header->ppid = READ_FIELD(typed, task, real_parent, tgid);
	header->uid = READ_FIELD(typed, task, cred, uid.val);
	header->gid = READ_FIELD(typed, task, cred, gid.val);
	header->pidns_level = READ_FIELD(typed, task, thread_pid, level);
	copy_comm(header->comm, task);
}

/* True if `processes` was full for this process or another one that lived at the same time. */
static __always_inline int map_was_full(const struct vigil_control *control, __u64 start_ns)
{
	return start_ns <= control->processes_full_ns;
}

/* True if events of this process may have been missed. */
static __always_inline int history_incomplete(const struct vigil_control *control, __u64 start_ns)
{
	return start_ns < control->attached_ns || map_was_full(control, start_ns);
}

/*
 * The process's entry in `processes`, created if missing: with one thread, because another one
 * would have been counted. Several threads may try at once; the first one's entry stays. NULL if
 * the map is full.
 */
static __always_inline struct vigil_process_state *get_or_create_process(struct vigil_control *control,
								 __u32 pid, __u64 start_ns)
{
	struct vigil_process_state *state = bpf_map_lookup_elem(&processes, &pid);

	if (state && state->start_ns == start_ns)
		return state;
	struct vigil_process_state fresh = {
		.start_ns = start_ns,
		.baseline_pages = VIGIL_NO_BASELINE,
		.threads = history_incomplete(control, start_ns) ? 0 : 1,
		.bytes_partial = map_was_full(control, start_ns),
	};
	bpf_map_update_elem(&processes, &pid, &fresh, state ? BPF_ANY : BPF_NOEXIST);
	state = bpf_map_lookup_elem(&processes, &pid);
	if (state && state->start_ns == start_ns)
		return state;
	control->processes_full_ns = bpf_ktime_get_boot_ns();
	return 0;
}

/*
 * Resident pages: file, anonymous and shared memory (MM_FILEPAGES, MM_ANONPAGES, MM_SHMEMPAGES
 * of include/linux/mm_types_task.h). Since 6.2 accurate to about 64 pages per CPU.
 */
static __always_inline __u64 resident_pages(struct mm_struct *mm, const int typed)
{
	const struct mm_struct___before_6_2 *old = (void *)mm;
	__s64 file, anonymous, shared;

	if (!has_percpu_rss()) {
		file = BPF_CORE_READ(old, rss_stat.count[0].counter);
		anonymous = BPF_CORE_READ(old, rss_stat.count[1].counter);
		shared = BPF_CORE_READ(old, rss_stat.count[3].counter);
	} else {
		file = READ_FIELD(typed, mm, rss_stat[0].count);
		anonymous = READ_FIELD(typed, mm, rss_stat[1].count);
		shared = READ_FIELD(typed, mm, rss_stat[3].count);
	}
	return (file > 0 ? file : 0) + (anonymous > 0 ? anonymous : 0) + (shared > 0 ? shared : 0);
}
