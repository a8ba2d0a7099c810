// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sweep of all processes in one run (kernels with open-coded task iterators, 6.7 and later): run
 * on demand, it fills an array that user space has mapped.
 */
#include "../lib/sample.h"

char _license[] SEC("license") = "GPL";

extern int bpf_iter_task_new(struct bpf_iter_task *iterator, struct task_struct *task,
			     unsigned int flags) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *iterator) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *iterator) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void *bpf_rdonly_cast(const void *object, __u32 type_id) __ksym;

/* Any kernel type of two plain 64-bit members works for reading 16 bytes. */
struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
} VIGIL_RELOCATED;

/* Hottest code of the sweep: a load that may fault costs a tenth of the helper call. */
static __always_inline void read_16(__u64 to[2], const void *from)
{
	const struct timespec64 *pair =
		bpf_rdonly_cast(from, bpf_core_type_id_kernel(struct timespec64));

	to[0] = pair->tv_sec;
	to[1] = pair->tv_nsec;
}

/* User space sets its length. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vigil_sample);
} samples SEC(".maps");

/*
 * Processes of the last sweep, including those that did not fit into the array. A global,
 * because the verifier would track each value of a local counter.
 */
__u32 process_count = 0;

/* A thread of a multithreaded process may have been released before the iterator reached it. */
static __always_inline void finish(struct vigil_sample *sample, const __u64 group)
{
	__u32 releases = 0;

	if (!sample || sample->threads <= 1)
		return;
	bpf_probe_read_kernel(
		&releases, sizeof(releases),
		(void *)(group + bpf_core_field_offset(struct signal_struct,
						       stats_lock.seqcount.seqcount.sequence)));
	if (releases != sample->releases || (releases & 1))
		sample->flags |= VIGIL_SAMPLE_INCONSISTENT;
}

SEC("syscall")
int sweep(void *context)
{
	struct vigil_sample *sample = 0;
	struct bpf_iter_task iterator;
	struct task_struct *task;
	__u64 group = 0;

	find_cpu_offsets();
	process_count = 0;
	bpf_rcu_read_lock();
	bpf_iter_task_new(&iterator, 0, BPF_TASK_ITER_ALL_THREADS);
	/* Grouped by process, leader first. */
	while ((task = bpf_iter_task_next(&iterator))) {
		if (task->pid == task->tgid) {
			const __u32 index = process_count;

			finish(sample, group);
			sample = 0;
			if (is_gone(task))
				continue;
			process_count++;
			sample = bpf_map_lookup_elem(&samples, &index);
			if (!sample)
				continue;
			group = (__u64)task->signal;
			begin_process(sample, task);
		}
		if (sample)
			add_thread(sample, task);
	}
	finish(sample, group);
	bpf_iter_task_destroy(&iterator);
	bpf_rcu_read_unlock();
	return 0;
}
