/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel half of the filter; the rest is in user space (src/pipeline/filter). */
#pragma once

#include "task.h"

/* True for a process of the tree, and for the last threads of one that has exited. */
static __always_inline int in_tree(__u32 pid)
{
	return bpf_map_lookup_elem(&tree, &pid) != 0;
}

/* A process of the tree has exited. True if it was one. */
static __always_inline int leave_tree(const struct vigil_filter *filter, __u32 pid)
{
	const __u8 exited = VIGIL_TREE_EXITED;

	/* More threads may still reach their exit: the next process with this pid cleans up. */
	if (filter->flags & VIGIL_FILTER_THREADS)
		return !bpf_map_update_elem(&tree, &pid, &exited, BPF_EXIST);
	return !bpf_map_delete_elem(&tree, &pid);
}

/* A new process follows its parent; one with a reused pid may have to leave the tree. */
static __always_inline void join_or_leave_tree(struct vigil_control *control, __u32 parent,
					       __u32 child)
{
	const __u8 member = VIGIL_TREE_MEMBER;

	if (!in_tree(parent))
		bpf_map_delete_elem(&tree, &child);
	else if (bpf_map_update_elem(&tree, &child, &member, BPF_ANY))
		__sync_fetch_and_add(&control->tree_overflow, 1);
}

static __always_inline int in_cgroup(struct task_struct *task, const struct vigil_filter *filter)
{
	struct cgroup *group = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	const struct cgroup___before_6_1 *old = (void *)group;
	__u32 level = filter->cgroup_level;
	struct cgroup *ancestor = 0;
	__u64 id = 0;

	if (level > (__u32)BPF_CORE_READ(group, level))
		return 0;
	if (bpf_core_field_exists(old->ancestor_ids)) {
		bpf_probe_read_kernel(&id, sizeof(id),
				      (void *)old + bpf_core_field_offset(old->ancestor_ids) +
					      level * sizeof(id));
	} else {
		bpf_probe_read_kernel(&ancestor, sizeof(ancestor),
				      (void *)group + bpf_core_field_offset(group->ancestors) +
					      level * sizeof(ancestor));
		id = BPF_CORE_READ(ancestor, kn, id);
	}
	return id == filter->cgroup_id;
}

static __always_inline int same_comm(struct task_struct *task, const struct vigil_filter *filter)
{
	char comm[VIGIL_COMM_LENGTH] = {};

	BPF_CORE_READ_STR_INTO(&comm, task, comm);
	for (int i = 0; i < VIGIL_COMM_LENGTH; i++) {
		if (comm[i] != filter->comm[i])
			return 0;
		if (!comm[i])
			break;
	}
	return 1;
}

/* True if `task` belongs to the process that the filter names by pid and start time. */
static __always_inline int same_process(const struct vigil_filter *filter,
					struct task_struct *task, __u32 pid, __u64 start_ns)
{
	if (BPF_CORE_READ(task, tgid) != pid)
		return 0;
	return !filter->start_tick_ns ||
	       BPF_CORE_READ(task, group_leader, start_boottime) - start_ns < filter->start_tick_ns;
}

/*
 * All conditions on one process: everything but kind, signal number, sender and target. `task`
 * is the leader, or the thread whose name counts.
 */
static __always_inline int process_wanted(const struct vigil_filter *filter,
					  struct task_struct *task, int comm_is_final)
{
	if (!filter->pid && !(filter->flags & VIGIL_FILTER_PROCESS))
		return 1;
	if (filter->pid && !same_process(filter, task, filter->pid, filter->pid_start_ns))
		return 0;
	if ((filter->flags & VIGIL_FILTER_UID) &&
	    filter->uid != BPF_CORE_READ(task, cred, uid.val))
		return 0;
	if ((filter->flags & VIGIL_FILTER_COMM) && comm_is_final && !same_comm(task, filter))
		return 0;
	if ((filter->flags & VIGIL_FILTER_TREE) && !in_tree(BPF_CORE_READ(task, tgid)))
		return 0;
	if ((filter->flags & VIGIL_FILTER_CGROUP) && !in_cgroup(task, filter))
		return 0;
	return 1;
}

static __always_inline int kind_wanted(const struct vigil_filter *filter, int kind)
{
	return (filter->kinds >> kind) & 1;
}
