// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sweep of all processes task by task, for kernels before 6.7: the iterator's reader gets one
 * sample per thread and sums them. Threads come in the order of their ids, so a leader may come
 * after other threads of its process.
 */
#include "../lib/sample.h"

char _license[] SEC("license") = "GPL";

static __always_inline void read_16(__u64 to[2], const void *from)
{
	bpf_probe_read_kernel(to, 16, from);
}

SEC("iter/task")
int task_iter(struct bpf_iter__task *context)
{
	struct seq_file *out = context->meta->seq;
	struct task_struct *task = context->task;
	struct vigil_sample sample = {};

	if (!task || is_gone(task))
		return 0;
	find_cpu_offsets();
	if (task->pid == task->tgid) {
		begin_process(&sample, task);
	} else {
		begin_share(&sample, task);
		sample.flags = VIGIL_SAMPLE_THREAD;
	}
	add_thread(&sample, task);
	bpf_seq_write(out, &sample, sizeof(sample));
	return 0;
}
