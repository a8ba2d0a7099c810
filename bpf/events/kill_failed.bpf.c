// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls that failed to send a signal: none was generated, so no other hook sees them. Opt-in,
 * because any syscall tracepoint slows down every syscall of the machine. Those of 32-bit programs
 * have no tracepoints (arch_trace_is_compat_syscall() of x86).
 */
#include "../lib/emit.h"
#include "../lib/filter.h"

char _license[] SEC("license") = "GPL";

/* Context of a syscall's exit tracepoint (struct syscall_trace_exit, kernel/trace/trace.h). */
struct syscall_exit {
	__u64 common;
	long number;
	long result;
};

/*
 * Registers at syscall entry. Kernels without the helper (before 5.15) left their address in the
 * first word of the context (perf_call_bpf_exit()); later ones don't.
 */
static __always_inline const struct pt_regs *entry_registers(const struct syscall_exit *context)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___later, BPF_FUNC_task_pt_regs___later))
		return (const struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return (const struct pt_regs *)raw_argument(context, 0);
}

static __always_inline int arguments_wanted(const struct vigil_filter *filter,
					    struct task_struct *caller,
					    const struct vigil_kill_failed *attempt)
{
	if (attempt->number >= 1 && attempt->number <= 64 &&
	    !((filter->signals >> (attempt->number - 1)) & 1))
		return 0;
	if (filter->sender &&
	    !same_process(filter, caller, filter->sender, filter->sender_start_ns))
		return 0;
	return !filter->target || (__s32)filter->target == attempt->target;
}

/* include/linux/pid_namespace.h, include/linux/threads.h */
#define MAX_PID_NS_LEVEL 32
#define PID_MAX_LIMIT (4 * 1024 * 1024)

/*
 * The pid that a descriptor of the caller refers to, which the kernel has just accepted as one of a
 * process. Its struct pid is in the file before pidfs (6.9), since then in the inode.
 */
static __always_inline __s32 pid_of_pidfd(struct task_struct *caller, __u32 fd)
{
	const struct pid___since_6_9 *later = 0;
	struct fdtable *table = BPF_CORE_READ(caller, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = 0;
	struct pid *pid;

	if (fd >= BPF_CORE_READ(table, max_fds) ||
	    bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return 0;
	pid = bpf_core_field_exists(later->stashed) ? BPF_CORE_READ(file, f_inode, i_private)
						    : BPF_CORE_READ(file, private_data);
	/*
	 * A seccomp filter's EPERM comes before the descriptor is looked at: what lies there need not be
	 * a pid.
	 */
	const __u32 number = pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;

	return pid && BPF_CORE_READ(pid, level) < MAX_PID_NS_LEVEL && number <= PID_MAX_LIMIT ? number :
											       0;
}

/* The errors after which the descriptor of pidfd_send_signal(2) was found to be one of a process. */
#define EPERM 1
#define ESRCH 3
#define EAGAIN 11

static __always_inline int emit(const struct syscall_exit *context, __u32 syscall)
{
	struct vigil_control *control = control_of();
	struct task_struct *task = current_task();
	const long result = context->result;

	if (result >= 0 || !control || !kind_wanted(&control->filter, VIGIL_KILL_FAILED))
		return 0;
	struct vigil_counter *counter = count_seen(control, VIGIL_KILL_FAILED, 0);
	if (!counter)
		return 0;

	const struct pt_regs *registers = entry_registers(context);
	struct vigil_kill_failed attempt = {
		.target = BPF_CORE_READ(registers, di),
		.number = BPF_CORE_READ(registers, si),
		.error = -result,
		.syscall = syscall,
	};
	if (syscall == VIGIL_SYSCALL_PIDFD_SEND_SIGNAL) {
		const int is_pidfd = result == -EPERM || result == -ESRCH || result == -EAGAIN;

		attempt.target = is_pidfd ? pid_of_pidfd(task, attempt.target) : 0;
	} else if (syscall == VIGIL_SYSCALL_TKILL) {
		attempt.target_tid = attempt.target;
		attempt.target = 0;
	} else if (syscall == VIGIL_SYSCALL_TGKILL || syscall == VIGIL_SYSCALL_RT_TGSIGQUEUEINFO) {
		attempt.target_tid = attempt.number;
		attempt.number = BPF_CORE_READ(registers, dx);
	}
	if (!process_wanted(&control->filter, leader_of(task), 1) ||
	    !arguments_wanted(&control->filter, task, &attempt)) {
		counter->filtered++;
		return 0;
	}
	struct vigil_kill_failed *record =
		reserve(control, counter, VIGIL_KILL_FAILED, 0, sizeof(*record));
	if (!record)
		return 0;
	fill_header(&record->header, leader_of(task), UNTYPED);
	record->header.tid = BPF_CORE_READ(task, pid);
	record->target = attempt.target;
	record->target_tid = attempt.target_tid;
	record->number = attempt.number;
	record->error = attempt.error;
	record->syscall = attempt.syscall;
	record->reserved = 0;
	bpf_ringbuf_submit(record, wake_flag(control));
	return 0;
}

SEC("tp/syscalls/sys_exit_kill")
int on_kill_exit(struct syscall_exit *context)
{
	return emit(context, VIGIL_SYSCALL_KILL);
}

SEC("tp/syscalls/sys_exit_tkill")
int on_tkill_exit(struct syscall_exit *context)
{
	return emit(context, VIGIL_SYSCALL_TKILL);
}

SEC("tp/syscalls/sys_exit_tgkill")
int on_tgkill_exit(struct syscall_exit *context)
{
	return emit(context, VIGIL_SYSCALL_TGKILL);
}

SEC("tp/syscalls/sys_exit_rt_sigqueueinfo")
int on_sigqueue_exit(struct syscall_exit *context)
{
	return emit(context, VIGIL_SYSCALL_RT_SIGQUEUEINFO);
}

SEC("tp/syscalls/sys_exit_rt_tgsigqueueinfo")
int on_tgsigqueue_exit(struct syscall_exit *context)
{
	return emit(context, VIGIL_SYSCALL_RT_TGSIGQUEUEINFO);
}

SEC("tp/syscalls/sys_exit_pidfd_send_signal")
int on_pidfd_exit(struct syscall_exit *context)
{
	return emit(context, VIGIL_SYSCALL_PIDFD_SEND_SIGNAL);
}
