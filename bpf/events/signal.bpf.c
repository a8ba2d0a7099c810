// SPDX-License-Identifier: GPL-2.0-only
/*
 * A signal is generated, or the OOM killer names its victim. Both are in one file because the
 * second needs the first if the kernel only passes a thread id.
 *
 * Only facts are recorded; src/model/signal_source.cpp interprets them.
 */
#include "../lib/emit.h"
#include "../lib/filter.h"

#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

#define SIGKILL 9
#define SIGSEGV 11
#define SI_TIMER -2

/* SEGV_MAPERR and SEGV_ACCERR: no memory there, or a guard page. */
#define SEGV_ADDRESS_MAX 2

/* The least size of kernel stacks. */
#define KERNEL_STACK_BYTES (16 << 10)

/* A function's frame is rarely larger; farther from the stack pointer a fault has other reasons. */
#define FRAME_BYTES (64 << 10)

/* The last task on this CPU that the kernel itself killed. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} last_killed SEC(".maps");

static __always_inline void remember_killed(struct task_struct *task)
{
	const __u32 zero = 0;
	__u64 *slot = bpf_map_lookup_elem(&last_killed, &zero);

	if (slot)
		*slot = (__u64)task;
}

/* True while a thread of the process writes the core, after the other threads have exited. */
static __always_inline int is_dumping(struct task_struct *task)
{
	const struct mm_struct___before_5_16 *old = (void *)task->mm;

	if (bpf_core_field_exists(struct signal_struct, core_state))
		return task->signal->core_state != 0;
	return old && old->core_state != 0;
}

static __always_inline __u32 context_of(struct task_struct *target, int number, int group)
{
	__u32 context = 0;

	if (target->pdeath_signal == number)
		context |= VIGIL_CONTEXT_PARENT_DEATH;
	if (group)
		context |= VIGIL_CONTEXT_GROUP;
	if (is_dumping(target))
		context |= VIGIL_CONTEXT_DUMPING_CORE;
	return context;
}

/*
 * Only a system call of the current task makes its siginfo there: that of a timer is part of the
 * timer, though its code may be the same (rt_sigqueueinfo(2) lets the sender choose it).
 */
static __always_inline int is_own_siginfo(__u64 siginfo, struct task_struct *task)
{
	const __u64 stack = (__u64)BPF_CORE_READ(task, stack);

	return siginfo >= stack && siginfo < stack + KERNEL_STACK_BYTES;
}

/* A program that has used up its stack faults where the stack pointer is. */
static __always_inline int is_near_stack(__u64 siginfo, int code)
{
	if (code < 1 || code > SEGV_ADDRESS_MAX || !has_typed_current() ||
	    !bpf_core_enum_value_exists(enum bpf_func_id___later, BPF_FUNC_task_pt_regs___later))
		return 0;
	const struct pt_regs *registers =
		(const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	const __u64 address = (__u64)BPF_CORE_READ((struct kernel_siginfo *)siginfo,
						   _sifields._sigfault._addr);
	const __u64 pointer = BPF_CORE_READ(registers, sp);
	const __u64 top = BPF_CORE_READ(bpf_get_current_task_btf(), mm, start_stack);

	/*
	 * Code on the stack is no overflow: it is not executable. A fault above the main thread's stack
	 * is a write past a buffer's end.
	 */
	return address != BPF_CORE_READ(registers, ip) && address < top &&
	       address + FRAME_BYTES >= pointer && address < pointer + FRAME_BYTES;
}

/* The parent's thread that made the target has ended: does its process go on? */
static __always_inline int is_thread_exit(struct task_struct *task)
{
	struct signal_struct *group = BPF_CORE_READ(task, signal);

	return (BPF_CORE_READ(task, flags) & PF_EXITING) &&
	       BPF_CORE_READ(group, live.counter) > 0 &&
	       !(BPF_CORE_READ(group, flags) & SIGNAL_GROUP_EXIT);
}

static __always_inline __u32 origin_of(__u64 siginfo, int number, int code,
				       struct task_struct *sender)
{
	__u32 context = 0;

	if (siginfo > 1 && is_own_siginfo(siginfo, sender))
		context |= VIGIL_CONTEXT_OWN_SIGINFO;
	if (siginfo > 1 && number == SIGSEGV && is_near_stack(siginfo, code))
		context |= VIGIL_CONTEXT_NEAR_STACK;
	if (is_thread_exit(sender))
		context |= VIGIL_CONTEXT_THREAD_EXIT;
	return context;
}

static __always_inline void fill_sender(struct vigil_signal *record,
					    struct task_struct *sender, const int typed)
{
	struct task_struct *leader = READ_FIELD(typed, sender, group_leader);
	const __u32 flags = READ_FIELD(typed, sender, flags);

	record->sender_start_ns = READ_FIELD(typed, leader, start_boottime);
	record->sender_pid = READ_FIELD(typed, sender, tgid);
	record->sender_tid = READ_FIELD(typed, sender, pid);
	record->sender_uid = READ_FIELD(typed, sender, cred, uid.val);
	copy_comm(record->sender_comm, leader);
	if (record->sender_pid == record->header.pid)
		record->context |= VIGIL_CONTEXT_SELF;
	if (flags & PF_EXITING)
		record->context |= VIGIL_CONTEXT_EXITING;
	if (flags & PF_KTHREAD)
		record->context |= VIGIL_CONTEXT_KERNEL;
}

/* True if the current task can be the sender: SI_FROMUSER of kernel/signal.c and its exceptions. */
static __always_inline int has_sender(__u16 origin, int code, __u64 siginfo,
				      struct task_struct *sender)
{
	return origin == VIGIL_ORIGIN_NOINFO ||
	       (origin == VIGIL_ORIGIN_INFO && code <= 0 &&
		(code != SI_TIMER || is_own_siginfo(siginfo, sender)));
}

static __always_inline int number_wanted(const struct vigil_filter *filter, int number)
{
	return number < 1 || number > 64 || ((filter->signals >> (number - 1)) & 1);
}

static __always_inline int parties_wanted(const struct vigil_filter *filter,
					  struct task_struct *target, struct task_struct *sender)
{
	if (filter->target &&
	    !same_process(filter, target, filter->target, filter->target_start_ns))
		return 0;
	if (filter->sender &&
	    (!sender || !same_process(filter, sender, filter->sender, filter->sender_start_ns)))
		return 0;
	return process_wanted(filter, target->group_leader, 1) ||
	       (sender && process_wanted(filter, leader_of(sender), 1));
}

SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int number, void *info, struct task_struct *target, int group, int result)
{
	struct vigil_control *control = control_of();
	struct task_struct *sender = current_task();
	__u16 origin = VIGIL_ORIGIN_INFO;
	int code = 0;

	if (!control)
		return 0;
	const int wanted = kind_wanted(&control->filter, VIGIL_SIGNAL);
	struct vigil_counter *counter = wanted ? count_seen(control, VIGIL_SIGNAL, 0) : 0;

	/* Mostly SIGCHLD, which is skipped without reading more. */
	if (counter && !number_wanted(&control->filter, number) && number != SIGKILL) {
		counter->filtered++;
		return 0;
	}
	const __u64 siginfo = raw_argument(ctx, 1);

	if (siginfo == 0)
		origin = VIGIL_ORIGIN_NOINFO;
	else if (siginfo == 1)
		origin = VIGIL_ORIGIN_PRIV;
	else
		code = BPF_CORE_READ((struct kernel_siginfo *)siginfo, si_code);
	if (number == SIGKILL && origin == VIGIL_ORIGIN_PRIV)
		remember_killed(target);
	if (!counter)
		return 0;
	if (!number_wanted(&control->filter, number) ||
	    !parties_wanted(&control->filter, target,
			    has_sender(origin, code, siginfo, sender) ? sender : 0)) {
		counter->filtered++;
		return 0;
	}
	struct vigil_signal *record = reserve(control, counter, VIGIL_SIGNAL, 0, sizeof(*record));
	if (!record)
		return 0;
	fill_header(&record->header, target->group_leader, TYPED);
	record->header.tid = target->pid;
	record->number = number;
	record->code = code;
	record->origin = origin;
	record->result = result;
	record->context = context_of(target, number, group) |
			  origin_of(siginfo, number, code, sender);
	record->reserved = 0;
	if (has_typed_current())
		fill_sender(record, bpf_get_current_task_btf(), TYPED);
	else
		fill_sender(record, sender, UNTYPED);
	bpf_ringbuf_submit(record, wake_flag(control));
	return 0;
}

/*
 * mark_victim passes the victim's task on newer kernels and its thread id on older ones. The OOM
 * killer has just sent SIGKILL to it on this CPU, so it is the stored task.
 */
static __always_inline struct task_struct *victim_of(__u64 argument)
{
	const __u32 zero = 0;
	__u64 *slot = bpf_map_lookup_elem(&last_killed, &zero);

	if (argument >> 32)
		return (struct task_struct *)argument;
	if (slot && *slot && (__u64)BPF_CORE_READ((struct task_struct *)*slot, pid) == argument)
		return (struct task_struct *)*slot;
	return 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(on_oom)
{
	struct vigil_control *control = control_of();
	const __u64 argument = raw_argument(ctx, 0);
	struct task_struct *victim = victim_of(argument);
	struct task_struct *trigger = current_task();

	if (!control || !kind_wanted(&control->filter, VIGIL_OOM))
		return 0;
	struct vigil_counter *counter = count_seen(control, VIGIL_OOM, 0);
	if (!counter)
		return 0;
	if (victim && !process_wanted(&control->filter, leader_of(victim), 1)) {
		counter->filtered++;
		return 0;
	}
	struct vigil_oom *record = reserve(control, counter, VIGIL_OOM, 0, sizeof(*record));
	if (!record)
		return 0;
	record->rss_pages = ~0ULL;
	record->score_adjust = 0;
	if (victim) {
		struct mm_struct *mm = BPF_CORE_READ(victim, signal, oom_mm);

		fill_header(&record->header, leader_of(victim), UNTYPED);
		record->header.tid = BPF_CORE_READ(victim, pid);
		record->score_adjust = BPF_CORE_READ(victim, signal, oom_score_adj);
		if (mm)
			record->rss_pages = resident_pages(mm, UNTYPED);
	} else {
		record->header.start_ns = record->header.cgroup_id = 0;
		record->header.pid = record->header.tid = argument;
		record->header.ppid = 0;
		record->header.uid = record->header.gid = ~0; /* no process */
		record->header.pidns_level = 0;
		record->header.comm[0] = 0;
	}
	record->trigger_pid = BPF_CORE_READ(trigger, tgid);
	BPF_CORE_READ_STR_INTO(&record->trigger_comm, trigger, group_leader, comm);
	bpf_ringbuf_submit(record, wake_flag(control));
	return 0;
}
