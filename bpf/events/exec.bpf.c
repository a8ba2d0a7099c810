// SPDX-License-Identifier: GPL-2.0-only
/* A process has replaced its image. Failed execs don't reach this tracepoint. */
#include "../lib/emit.h"
#include "../lib/filter.h"

#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* Too large for the stack, and its size in the ring depends on what is read. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VIGIL_LANES);
	__type(key, __u32);
	__type(value, struct vigil_exec);
} scratch SEC(".maps");

/*
 * signal->maxrss survives exec: /bin/true started by a 300 MB parent would seem to have used 300
 * MB. So its value at exec is stored; only growth beyond it belongs to the new image.
 */
static __always_inline void save_baseline(struct vigil_control *control,
					  struct task_struct *task, __u32 pid)
{
	const __u64 start_ns = task->group_leader->start_boottime;
	const __u64 baseline = task->signal->maxrss;
	struct vigil_process_state *state = get_or_create_process(control, pid, start_ns);

	if (!state)
		return;
	state->baseline_pages = baseline;
	state->threads = 1;
}

/* Fills record->data; returns the used size. */
static __always_inline __u64 copy_strings(struct vigil_exec *record, struct task_struct *task,
					  struct linux_binprm *program)
{
	const unsigned long begin = task->mm->arg_start;
	const unsigned long end = task->mm->arg_end;
	__u64 length = end - begin;
	long got = bpf_probe_read_kernel_str(record->data, VIGIL_FILE_MAX,
					     program->filename);
	__u64 file_length = got > 0 ? got - 1 : 0;

	record->argv_bytes = length;
	/*
	 * Hides the origin of the value: otherwise clang removes the bound that the verifier
	 * needs.
	 */
	barrier_var(file_length);
	file_length &= VIGIL_FILE_MAX - 1;

	/* The executed file: for a script its interpreter, and never a symbolic link. */
	struct file *executable = task->mm->exe_file;
	got = executable ? bpf_probe_read_kernel_str(record->data + file_length, VIGIL_NAME_MAX,
						     executable->f_path.dentry->d_name.name)
			 : 0;
	__u64 executable_length = got > 0 ? got - 1 : 0;

	barrier_var(executable_length);
	executable_length &= VIGIL_NAME_MAX - 1;
	const __u64 names_length = file_length + executable_length;

	barrier_var(length);
	if (length > VIGIL_ARGV_MAX)
		length = VIGIL_ARGV_MAX;
	if (bpf_probe_read_user(record->data + names_length, length, (const void *)begin)) {
		record->header.flags |= VIGIL_FLAG_ARGV_UNREADABLE;
		length = 0;
	}
	record->file_length = file_length;
	record->executable_length = executable_length;
	record->argv_length = length;
	return names_length + length;
}

static __always_inline int emit(struct task_struct *task, int old_tid,
				struct linux_binprm *program, int lane)
{
	struct vigil_control *control = control_of();
	const __u32 pid = task->tgid;
	const __u32 key = lane;

	if (!control || !claim(control, VIGIL_EXEC, task, task->self_exec_id))
		return 0;
	if (kind_wanted(&control->filter, VIGIL_EXIT))
		save_baseline(control, task, pid);
	if (!kind_wanted(&control->filter, VIGIL_EXEC))
		return 0;

	struct vigil_counter *counter = count_seen(control, VIGIL_EXEC, lane);
	struct vigil_exec *record = bpf_map_lookup_elem(&scratch, &key);
	if (!counter || !record)
		return 0;
	/*
	 * If forks are wanted too, user space needs all execs to name them: see
	 * ForkNameResolver.
	 */
	if (!process_wanted(&control->filter, task, !kind_wanted(&control->filter, VIGIL_FORK))) {
		counter->filtered++;
		return 0;
	}

	fill_header(&record->header, task, TYPED);
	record->header.time_ns = bpf_ktime_get_boot_ns();
	record->header.sequence = counter->sequence + 1;
	record->header.kind = VIGIL_EXEC;
	record->header.stream = stream_of(control, lane);
	record->header.tid = task->pid;
	record->header.flags = 0;
	record->old_tid = old_tid;
	record->argc = program->argc;

	__u64 size = __builtin_offsetof(struct vigil_exec, data) +
		     copy_strings(record, task, program);
	barrier_var(size);
	if (size > sizeof(*record))
		size = sizeof(*record);
	record->header.size = size;
	if (bpf_ringbuf_output(&ring, record, size, BPF_RB_NO_WAKEUP)) {
		drop(counter);
		return 0;
	}
	*(volatile __u64 *)&counter->sequence += 1;
	wake(control);
	return 0;
}

#define LANE(name, lane)                                                                        \
	SEC("tp_btf/sched_process_exec")                                                        \
	int BPF_PROG(name, struct task_struct *task, int old_tid, struct linux_binprm *program) \
	{                                                                                       \
		return emit(task, old_tid, program, lane);                                      \
	}
LANE(on_exec, 0)
LANE(on_exec_lane1, 1)
LANE(on_exec_lane2, 2)
LANE(on_exec_lane3, 3)
