// SPDX-License-Identifier: GPL-2.0-only
/*
 * kill, tkill and tgkill that failed: nothing was generated, so no other hook sees them.
 * Opt-in: any syscall tracepoint makes every syscall of the machine slower.
 */
#include "../lib/emit.h"
#include "../lib/filter.h"

char _license[] SEC("license") = "GPL";

/* What a syscall's exit tracepoint passes (struct syscall_trace_exit, kernel/trace/trace.h). */
struct syscall_exit {
	__u64 common;
	long number;
	long result;
};

static __always_inline int tell(const struct syscall_exit *context, __u32 syscall)
{
	struct vigil_control *control = control_of();
	struct task_struct *task = current_task();
	/* The registers at entry: perf_call_bpf_exit() leaves their address in the first word. */
	const struct pt_regs *registers = (void *)raw_argument(context, 0);
	const long result = context->result;

	if (result >= 0 || !control || !kind_wanted(&control->filter, VIGIL_KILL_FAILED))
		return 0;
	struct vigil_counter *counter = see(control, VIGIL_KILL_FAILED, 0);
	if (!counter)
		return 0;
	if (!process_wanted(&control->filter, task, 1)) {
		counter->filtered++;
		return 0;
	}
	struct vigil_kill_failed *record =
		reserve(control, counter, VIGIL_KILL_FAILED, 0, sizeof(*record));
	if (!record)
		return 0;
	describe(&record->header, leader_of(task));
	record->header.tid = BPF_CORE_READ(task, pid);
	record->error = -result;
	record->syscall = syscall;
	record->reserved = 0;
	record->target = BPF_CORE_READ(registers, di);
	record->target_tid = 0;
	record->number = BPF_CORE_READ(registers, si);
	if (syscall == VIGIL_SYSCALL_TKILL) {
		record->target_tid = record->target;
		record->target = 0;
	} else if (syscall == VIGIL_SYSCALL_TGKILL) {
		record->target_tid = record->number;
		record->number = BPF_CORE_READ(registers, dx);
	}
	bpf_ringbuf_submit(record, wake_flag(control));
	return 0;
}

SEC("tp/syscalls/sys_exit_kill")
int on_kill_exit(struct syscall_exit *context)
{
	return tell(context, VIGIL_SYSCALL_KILL);
}

SEC("tp/syscalls/sys_exit_tkill")
int on_tkill_exit(struct syscall_exit *context)
{
	return tell(context, VIGIL_SYSCALL_TKILL);
}

SEC("tp/syscalls/sys_exit_tgkill")
int on_tgkill_exit(struct syscall_exit *context)
{
	return tell(context, VIGIL_SYSCALL_TGKILL);
}
