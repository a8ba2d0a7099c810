// SPDX-License-Identifier: GPL-2.0-only
/* A process has exited: its last thread is exiting. The record has the final usage. */
#include "../lib/emit.h"
#include "../lib/filter.h"
#include "../lib/usage.h"

#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* Set by user space: sched_process_exit passes whether the thread is the last one (6.18). */
const volatile __u32 exit_names_last = 0;

#define EEXIST 17

/* Threads that one walk covers. The usage of released threads is in signal_struct. */
#define WALK_MAX 64
/* A thread that is released during the summation is in both sums or in none: then repeat. */
#define ADD_ATTEMPTS 3

/*
 * True for the last thread of its process. Kernels before 6.18 don't report it, and `live` is 0
 * for every thread that gets here after the last one was counted down: of these, the first to
 * enter the process into `exited` counts as the last one.
 */
static __always_inline int is_last(const void *context, struct task_struct *task, __u64 start_ns)
{
	struct signal_struct *group = task->signal;
	const __u8 present = 1;

	if (exit_names_last)
		return raw_argument(context, 1) & 1;
	if (group->live.counter != 0)
		return 0;
	/* Never had a second thread that ran, so there is no race. */
	if (group->nr_threads == 1 && group->sum_sched_runtime == 0)
		return 1;

	struct vigil_process_key key = {
		.start_ns = start_ns,
		.pid = task->tgid,
	};
	/*
	 * If the map fails for another reason, two exits are better than none. Before 6.4 the
	 * error is an int, in half a register.
	 */
	return (int)bpf_map_update_elem(&exited, &key, &present, BPF_NOEXIST) != -EEXIST;
}

static __always_inline void add_thread(struct vigil_exit *record, struct task_struct *thread)
{
	record->user_ticks_ns += thread->utime;
	record->system_ticks_ns += thread->stime;
	add_thread_usage(&record->usage, thread, TYPED);
	record->voluntary_switches += thread->nvcsw;
	record->involuntary_switches += thread->nivcsw;
	record->minor_faults += thread->min_flt;
	record->major_faults += thread->maj_flt;
}

/* Starts with the sums of the released threads. */
static __always_inline void begin_sums(struct vigil_exit *record, struct signal_struct *group)
{
	record->user_ticks_ns = group->utime;
	record->system_ticks_ns = group->stime;
	begin_usage(&record->usage, group);
	record->voluntary_switches = group->nvcsw;
	record->involuntary_switches = group->nivcsw;
	record->minor_faults = group->min_flt;
	record->major_faults = group->maj_flt;
}

/* What add_next() has added up. One a lane: an event may come while another is being handled. */
struct thread_sums {
	struct vigil_usage usage;
	__u64 user_ticks_ns, system_ticks_ns;
	__u64 voluntary_switches, involuntary_switches, minor_faults, major_faults;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VIGIL_LANES);
	__type(key, __u32);
	__type(value, struct thread_sums);
} sums SEC(".maps");

/*
 * Global functions: the verifier reads them once, not again for every step of every walk, which had
 * made this program a hundred times as much work for it as any other. 5.10 passes them numbers only.
 */

/* Adds the thread whose thread_node is at `node` to the lane's sums; the address of the next node. */
__noinline __u64 add_next(__u64 node, __u32 lane)
{
	struct thread_sums *total = bpf_map_lookup_elem(&sums, &lane);
	struct task_struct *thread =
		(void *)node - bpf_core_field_offset(struct task_struct, thread_node);

	if (!total)
		return 0;
	total->user_ticks_ns += BPF_CORE_READ(thread, utime);
	total->system_ticks_ns += BPF_CORE_READ(thread, stime);
	add_thread_usage(&total->usage, thread, UNTYPED);
	total->voluntary_switches += BPF_CORE_READ(thread, nvcsw);
	total->involuntary_switches += BPF_CORE_READ(thread, nivcsw);
	total->minor_faults += BPF_CORE_READ(thread, min_flt);
	total->major_faults += BPF_CORE_READ(thread, maj_flt);
	return (__u64)BPF_CORE_READ(thread, thread_node.next);
}

/* The lane's sums over the threads of `group`. False where there are more than one walk covers. */
__noinline int sum_threads(__u64 group, __u32 lane)
{
	const __u64 head = group + bpf_core_field_offset(struct signal_struct, thread_head);
	struct thread_sums *total = bpf_map_lookup_elem(&sums, &lane);
	__u64 node = (__u64)BPF_CORE_READ((struct signal_struct *)group, thread_head.next);

	if (!total)
		return 0;
	__builtin_memset(total, 0, sizeof(*total));
	for (int i = 0; i < WALK_MAX && node && node != head; i++)
		node = add_next(node, lane);
	return !node || node == head;
}

/* Adds the threads that are not released yet. False if some are missing. */
static __always_inline int walk_threads(struct vigil_exit *record, struct task_struct *last,
					__u32 lane)
{
	/* Read again: to the verifier `last->signal` is a pointer, which is no number. */
	const int whole = sum_threads((__u64)BPF_CORE_READ(last, signal), lane);
	const struct thread_sums *total = bpf_map_lookup_elem(&sums, &lane);

	if (!total)
		return 0;
	record->user_ticks_ns += total->user_ticks_ns;
	record->system_ticks_ns += total->system_ticks_ns;
	add_usage(&record->usage, &total->usage);
	record->voluntary_switches += total->voluntary_switches;
	record->involuntary_switches += total->involuntary_switches;
	record->minor_faults += total->minor_faults;
	record->major_faults += total->major_faults;
	return whole;
}

/* Threads are released under stats_lock (__exit_signal() of kernel/exit.c). */
static __always_inline void add_process(struct vigil_exit *record, struct task_struct *last,
					__u32 lane)
{
	struct signal_struct *group = last->signal;
	int quiescent = 0;

	if (group->nr_threads == 1) {
		/* No further thread can be released after the last one's release. */
		asm volatile("" : : : "memory");
		quiescent = !(group->stats_lock.seqcount.seqcount.sequence & 1);
		asm volatile("" : : : "memory");
	}
	if (quiescent) {
		begin_sums(record, group);
		add_thread(record, last);
		return;
	}
	for (int i = 0; i < ADD_ATTEMPTS; i++) {
		unsigned int before = BPF_CORE_READ(group, stats_lock.seqcount.seqcount.sequence);

		begin_sums(record, group);
		int whole = walk_threads(record, last, lane);
		unsigned int after = BPF_CORE_READ(group, stats_lock.seqcount.seqcount.sequence);

		if (before == after && !(before & 1) && whole)
			return;
		if (!whole)
			break;
	}
	record->header.flags |= VIGIL_FLAG_USAGE_PARTIAL;
}

/*
 * maxrss is the maximum of all images of this process. It is the present image's if it has grown
 * since the exec; otherwise, if the mm is still accessible (6.18), the mm has the value.
 */
static __always_inline void add_peak_since_exec(struct vigil_exit *record,
						struct task_struct *task, __u64 baseline)
{
	const __u64 peak = task->signal->maxrss;
	struct mm_struct *mm = task->mm;
	const __u64 huge = mm ? huge_pages(mm, TYPED) : 0;

	record->peak_rss_pages = peak + huge;
	if (baseline != VIGIL_NO_BASELINE && peak > baseline)
		return;
	__u64 high_water = mm ? mm->hiwater_rss : 0;
	__u64 now = mm ? resident_pages(mm, TYPED) : 0;
	__u64 own = high_water > now ? high_water : now;
	if (own > 0 && own <= peak)
		record->peak_rss_pages = own + huge;
	else
		record->header.flags |= VIGIL_FLAG_PEAK_AT_MOST;
}

/* Growth beyond the memory that a process without an exec got from its parent; 0: unknown. */
static __always_inline void add_peak_since_birth(struct vigil_exit *record,
						 struct task_struct *task,
						 const struct vigil_process_state *state)
{
	struct mm_struct *mm = task->mm;
	const __u64 peak = task->signal->maxrss + (mm ? huge_pages(mm, TYPED) : 0);

	if (state->memory == VIGIL_MEMORY_COPIED && peak > state->baseline_pages)
		record->peak_rss_pages = peak - state->baseline_pages;
}

static __always_inline void add_peak(struct vigil_exit *record, struct task_struct *task,
				     const struct vigil_process_state *state, int incomplete_history)
{
	record->peak_rss_pages = 0;
	if (state && state->memory != VIGIL_MEMORY_EXECED)
		add_peak_since_birth(record, task, state);
	else if (state || incomplete_history)
		add_peak_since_exec(record, task, state ? state->baseline_pages : VIGIL_NO_BASELINE);
}

static __always_inline void fill_process(struct vigil_exit *record, struct task_struct *task,
					 __u64 start_ns, const struct vigil_control *control,
					 __u32 lane)
{
	struct signal_struct *group = task->signal;
	const __u32 pid = task->tgid;
	const int incomplete_history = history_incomplete(control, start_ns);
	struct vigil_process_state *state = bpf_map_lookup_elem(&processes, &pid);

	if (state && state->start_ns != start_ns)
		state = 0;
	fill_header(&record->header, task->group_leader, TYPED);
	record->status = (group->flags & SIGNAL_GROUP_EXIT) ? group->group_exit_code
							    : task->group_leader->exit_code;
	record->threads = state ? state->threads : 1;
	if (!record->threads || (incomplete_history && !state))
		record->header.flags |= VIGIL_FLAG_THREADS_UNKNOWN;
	add_process(record, task, lane);
	fill_network(&record->header, &record->usage, state, control, start_ns);
	add_peak(record, task, state, incomplete_history);
}

static __always_inline void fill_thread(struct vigil_exit *record, struct task_struct *task)
{
	fill_header(&record->header, task, TYPED);
	record->header.flags |= VIGIL_FLAG_THREAD | VIGIL_FLAG_NETWORK_UNKNOWN;
	record->status = task->exit_code;
	record->threads = 1;
	record->peak_rss_pages = 0;
	record->user_ticks_ns = record->system_ticks_ns = 0;
	clear_usage(&record->usage);
	record->usage.sent_bytes = record->usage.received_bytes = 0;
	record->voluntary_switches = record->involuntary_switches = 0;
	record->minor_faults = record->major_faults = 0;
	add_thread(record, task);
}

static __always_inline void emit(struct vigil_control *control, struct task_struct *task,
				 __u64 start_ns, int last, int lane)
{
	if (!kind_wanted(&control->filter, VIGIL_EXIT))
		return;
	struct vigil_counter *counter = count_seen(control, VIGIL_EXIT, lane);
	if (!counter)
		return;
	if (!process_wanted(&control->filter, last ? task->group_leader : task, 1)) {
		counter->filtered++;
		return;
	}
	struct vigil_exit *record = reserve(control, counter, VIGIL_EXIT, lane, sizeof(*record));
	if (!record)
		return;
	record->header.tid = task->pid;
	record->login_uid = bpf_core_field_exists(struct task_struct, loginuid)
				    ? task->loginuid.val
				    : ~0;
	record->tracer_pid = task->ptrace ? task->parent->tgid : 0;
	if (!counts_storage())
		record->header.flags |= VIGIL_FLAG_STORAGE_UNKNOWN;
	if (last)
		fill_process(record, task, start_ns, control, lane);
	else
		fill_thread(record, task);
	bpf_ringbuf_submit(record, wake_flag(control));
}

static __always_inline int end_thread(const void *context, struct task_struct *task, int lane)
{
	struct vigil_control *control = control_of();
	const __u64 start_ns = task->group_leader->start_boottime;
	const __u32 pid = task->tgid;

	/*
	 * A non-leader that execs takes over the leader's id and start time: only exec_id
	 * differs.
	 */
	if (!control || !claim(control, VIGIL_EXIT, task, task->self_exec_id))
		return 0;
	const int last = is_last(context, task, start_ns);
	const int threads = control->filter.flags & VIGIL_FILTER_THREADS;
	if (last || threads)
		emit(control, task, start_ns, last, lane);
	if (last) {
		bpf_map_delete_elem(&processes, &pid);
		/* The reader ends with the last process of the tree, also if exits are not wanted. */
		if ((control->filter.flags & VIGIL_FILTER_TREE) &&
		    leave_tree(&control->filter, pid))
			wake(control);
	}
	return 0;
}

#define LANE(name, lane)                                                                        \
	SEC("tp_btf/sched_process_exit")                                                        \
	int BPF_PROG(name, struct task_struct *task)                                            \
	{                                                                                       \
		return end_thread(ctx, task, lane);                                             \
	}
LANE(on_exit, 0)
LANE(on_exit_lane1, 1)
LANE(on_exit_lane2, 2)
LANE(on_exit_lane3, 3)
