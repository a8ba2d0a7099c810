/* SPDX-License-Identifier: GPL-2.0-only */
/* Fills vigil_usage: the totals of a process. */
#pragma once

#include "task.h"

/* An int before 7.x, since then one byte: a plain load of the wrong size can't be relocated. */
static __always_inline int is_on_cpu(struct task_struct *thread, const int typed)
{
	return (typed ? BPF_CORE_READ_BITFIELD(thread, on_cpu)
		      : BPF_CORE_READ_BITFIELD_PROBED(thread, on_cpu)) != 0;
}

/*
 * CPU time of a thread up to the last update of its run queue's clock. The order of the reads
 * matters: if the scheduler accounts in between, the result may be too small, never too large.
 */
static __always_inline void add_runtime(struct vigil_usage *usage, struct task_struct *thread,
					const int typed)
{
	const __u64 accounted = READ_FIELD(typed, thread, se.sum_exec_runtime);

	if (!has_run_queue() || !is_on_cpu(thread, typed)) {
		usage->runtime_ns += accounted;
		return;
	}
	barrier();
	const __u64 since = READ_FIELD(typed, thread, se.exec_start);
	struct rq *queue = READ_FIELD(typed, thread, se.cfs_rq, rq);

	barrier();
	const __u64 until = READ_FIELD(typed, queue, clock_task);

	barrier();
	const __u64 clock = READ_FIELD(typed, queue, clock);

	barrier();
	/* If accounted meanwhile, nothing is left to add. */
	const __u64 again = READ_FIELD(typed, thread, se.sum_exec_runtime);

	usage->runtime_ns += again;
	if (again != accounted || !clock)
		return;
	if (until > since)
		usage->runtime_ns += until - since;
	usage->clocks_ns += clock;
	usage->running++;
}

static __always_inline void add_thread_usage(struct vigil_usage *usage, struct task_struct *thread,
					     const int typed)
{
	add_runtime(usage, thread, typed);
	if (counts_storage()) {
		usage->read_bytes += READ_FIELD(typed, thread, ioac.read_bytes);
		usage->write_bytes += READ_FIELD(typed, thread, ioac.write_bytes);
		usage->cancelled_bytes += READ_FIELD(typed, thread, ioac.cancelled_write_bytes);
	}
}

static __always_inline void clear_usage(struct vigil_usage *usage)
{
	usage->runtime_ns = usage->clocks_ns = 0;
	usage->monotonic_ns = bpf_ktime_get_ns();
	usage->read_bytes = usage->write_bytes = usage->cancelled_bytes = 0;
	usage->running = 0;
	usage->reserved = 0;
}

/* Starts with the sums of the released threads. */
static __always_inline void begin_usage(struct vigil_usage *usage, struct signal_struct *group)
{
	clear_usage(usage);
	usage->runtime_ns = group->sum_sched_runtime;
	if (counts_storage()) {
		usage->read_bytes = without_children(group->ioac.read_bytes, group->cinblock);
		usage->write_bytes = without_children(group->ioac.write_bytes, group->coublock);
		usage->cancelled_bytes =
			own_cancelled(group->ioac.cancelled_write_bytes, group->cmaxrss);
	}
}

/* Adds sums over threads that were read separately. */
static __always_inline void add_usage(struct vigil_usage *usage, const struct vigil_usage *threads)
{
	usage->runtime_ns += threads->runtime_ns;
	usage->clocks_ns += threads->clocks_ns;
	usage->read_bytes += threads->read_bytes;
	usage->write_bytes += threads->write_bytes;
	usage->cancelled_bytes += threads->cancelled_bytes;
	usage->running += threads->running;
}

/* `state` is the process's entry in `processes`, or NULL. */
static __always_inline void fill_network(struct vigil_header *header, struct vigil_usage *usage,
					 const struct vigil_process_state *state,
					 const struct vigil_control *control, __u64 start_ns)
{
	const int partial = state ? state->bytes_partial : map_was_full(control, start_ns);

	usage->sent_bytes = state ? state->sent_bytes : 0;
	usage->received_bytes = state ? state->received_bytes : 0;
	if (!control->network || partial)
		header->flags |= VIGIL_FLAG_NETWORK_UNKNOWN;
}
