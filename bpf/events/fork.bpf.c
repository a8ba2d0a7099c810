// SPDX-License-Identifier: GPL-2.0-only
/* A process (or, on demand, a thread) is created. Runs before the child does. */
#include "../lib/emit.h"
#include "../lib/filter.h"

#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

static __always_inline void count_process(void)
{
	const __u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&process_count, &zero);

	if (count)
		__sync_fetch_and_add(count, 1);
}

static __always_inline void count_thread(struct vigil_control *control,
					 struct task_struct *thread)
{
	const __u64 start_ns = thread->group_leader->start_boottime;
	const __u32 pid = thread->tgid;
	struct vigil_process_state *state = bpf_map_lookup_elem(&processes, &pid);

	if (!state || state->start_ns != start_ns) {
		if (start_ns < control->attached_ns)
			return; /* the process's earlier threads were not counted */
		state = get_or_create_process(control, pid, start_ns);
	}
	if (state && state->threads)
		__sync_fetch_and_add(&state->threads, 1);
}

static __always_inline int emit(struct task_struct *parent, struct task_struct *child, int lane)
{
	struct vigil_control *control = control_of();
	const __u32 pid = child->tgid;
	const __u32 tid = child->pid;
	/* With CLONE_PARENT this is not the task that called clone(2). */
	struct task_struct *real_parent = child->real_parent;
	const __u32 parent_pid = real_parent->tgid;
	const int is_thread = pid != tid;

	if (!control || !claim(control, VIGIL_FORK, child, 0))
		return 0;
	const struct vigil_filter *filter = &control->filter;

	if (is_thread) {
		if (kind_wanted(filter, VIGIL_EXIT))
			count_thread(control, child);
		if (!(filter->flags & VIGIL_FILTER_THREADS))
			return 0;
	} else {
		count_process();
		if (filter->flags & VIGIL_FILTER_TREE)
			join_or_leave_tree(control, parent->tgid, pid);
	}
	if (!kind_wanted(filter, VIGIL_FORK))
		return 0;

	struct vigil_counter *counter = count_seen(control, VIGIL_FORK, lane);
	if (!counter)
		return 0;
	/* The child still has its parent's comm: user space checks the name. */
	if (!process_wanted(filter, child, 0) &&
	    !(filter->pid == parent_pid && process_wanted(filter, real_parent, 0))) {
		counter->filtered++;
		return 0;
	}

	struct vigil_fork *record = reserve(control, counter, VIGIL_FORK, lane, sizeof(*record));
	if (!record)
		return 0;
	fill_header(&record->header, child, TYPED);
	record->header.tid = tid;
	if (is_thread)
		record->header.flags = VIGIL_FLAG_THREAD;
	record->parent_start_ns = real_parent->group_leader->start_boottime;
	bpf_ringbuf_submit(record, wake_flag(control));
	return 0;
}

#define LANE(name, lane)                                                                        \
	SEC("tp_btf/sched_process_fork")                                                        \
	int BPF_PROG(name, struct task_struct *parent, struct task_struct *child)               \
	{                                                                                       \
		return emit(parent, child, lane);                                               \
	}
LANE(on_fork, 0)
LANE(on_fork_lane1, 1)
LANE(on_fork_lane2, 2)
LANE(on_fork_lane3, 3)
