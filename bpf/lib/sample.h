/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the counters of a process for the sweeps. Pointers are dereferenced directly: the
 * iterators provide tasks that the verifier trusts, and a plain load costs a tenth of a helper
 * call.
 */
#pragma once

#include "processes.h"

#include "../../abi/sample.h"

/*
 * CPUs whose part of a memory counter is added. With more CPUs the counter's own value is used,
 * which lags by at most about 64 pages per CPU.
 */
#define EXACT_RSS_CPUS 64

/* Set by user space; 0: memory counters are not corrected. */
const volatile __u32 cpu_count = 0;
/* Network bytes are counted in `processes`. */
const volatile __u32 network_counted = 0;

/* Address of a per-CPU variable on each CPU, minus its base address. */
__u64 cpu_offset[EXACT_RSS_CPUS];
__u32 cpu_offsets_known = 0;

/* Only provides a per-CPU address to compare with its base. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} percpu_anchor SEC(".maps");

/* The kernel's own table of these offsets is visible to programs only on some kernels. */
static __always_inline void find_cpu_offsets(void)
{
	const void *map = &percpu_anchor;
	const __u32 zero = 0;
	__u64 address = 0, base = 0;

	if (cpu_offsets_known || !cpu_count || !has_percpu_rss())
		return;
	bpf_probe_read_kernel(&address, sizeof(address), &map);
	bpf_probe_read_kernel(&base, sizeof(base),
			      (void *)(address + bpf_core_field_offset(struct bpf_array, pptrs)));
	for (__u32 cpu = 0; cpu < EXACT_RSS_CPUS; cpu++) {
		if (cpu >= cpu_count)
			break;
		void *here = bpf_map_lookup_percpu_elem(&percpu_anchor, &zero, cpu);

		if (!here)
			return;
		address = 0;
		bpf_probe_read_kernel(&address, sizeof(address), &here);
		cpu_offset[cpu] = address - base;
	}
	cpu_offsets_known = 1;
}

/* Reads 16 bytes of kernel memory; each sweep implements it. */
static __always_inline void read_16(__u64 to[2], const void *from);

static __always_inline __u64 not_negative(__s64 pages)
{
	return pages > 0 ? pages : 0;
}

/*
 * mm_init() allocates the per-CPU parts of all four counters together
 * (percpu_counter_init_many), so that one read per CPU gets them.
 */
static __always_inline void add_parts(const struct percpu_counter *counters, __s64 sums[4])
{
	const __s32 *first = counters[0].counters;

	if (!cpu_offsets_known || counters[3].counters != first + 3)
		return;
	for (__u32 cpu = 0; cpu < EXACT_RSS_CPUS; cpu++) {
		__u64 parts[2] = {};

		if (cpu >= cpu_count)
			break;
		read_16(parts, (void *)first + cpu_offset[cpu]);
		sums[0] += (__s32)parts[0];
		sums[1] += (__s32)(parts[0] >> 32);
		sums[3] += (__s32)(parts[1] >> 32);
	}
}

/*
 * resident_pages() of task.h, but exact if the parts of the CPUs are added; by plain loads, which
 * only the tasks of an iterator allow.
 */
static __always_inline __u64 exact_resident_pages(struct mm_struct *mm)
{
	const struct mm_struct___before_6_2 *old = (void *)mm;
	__s64 sums[4] = {};

	if (has_percpu_rss()) {
		sums[0] = mm->rss_stat[0].count;
		sums[1] = mm->rss_stat[1].count;
		sums[3] = mm->rss_stat[3].count;
		add_parts(mm->rss_stat, sums);
	} else {
		/* Verifiers of these kernels don't resolve the typedef of an array's elements. */
		sums[0] = BPF_CORE_READ(old, rss_stat.count[0].counter);
		sums[1] = BPF_CORE_READ(old, rss_stat.count[1].counter);
		sums[3] = BPF_CORE_READ(old, rss_stat.count[3].counter);
	}
	return not_negative(sums[0]) + not_negative(sums[1]) + not_negative(sums[3]);
}

/* A leader that exited before its threads has no mm; the threads still share it. */
static __always_inline void add_memory(struct vigil_sample *sample, struct task_struct *thread)
{
	struct mm_struct *mm = thread->mm;

	if (sample->rss_pages || !mm || mm == thread->real_parent->mm)
		return; /* the parent's, as after vfork(2): counted there */
	const __u64 pages = exact_resident_pages(mm);

	/* Released meanwhile: the mm might have belonged to another process already. */
	if (thread->mm != mm)
		return;
	sample->huge_pages = counts_huge_pages() ? mm->hugetlb_usage.counter : 0;
	sample->rss_pages = pages + sample->huge_pages;
}

static __always_inline void add_thread(struct vigil_sample *sample, struct task_struct *thread)
{
	sample->runtime_ns += thread->se.sum_exec_runtime;
	if (counts_storage()) {
		sample->read_bytes += thread->ioac.read_bytes;
		sample->write_bytes += thread->ioac.write_bytes;
		sample->cancelled_bytes += thread->ioac.cancelled_write_bytes;
	}
	add_memory(sample, thread);
}

static __always_inline void begin_share(struct vigil_sample *sample, struct task_struct *thread)
{
	sample->runtime_ns = 0;
	sample->read_bytes = sample->write_bytes = sample->cancelled_bytes = 0;
	sample->sent_bytes = sample->received_bytes = 0;
	sample->rss_pages = sample->huge_pages = 0;
	sample->flags = 0;
	sample->pid = thread->tgid;
	sample->releases = thread->signal->stats_lock.seqcount.seqcount.sequence;
}

static __always_inline void add_network(struct vigil_sample *sample)
{
	const __u32 pid = sample->pid;
	const struct vigil_process_state *state = 0;

	if (network_counted)
		state = bpf_map_lookup_elem(&processes, &pid);
	else
		sample->flags |= VIGIL_SAMPLE_NETWORK_UNKNOWN;
	if (!state || state->start_ns != sample->start_ns)
		return;
	sample->sent_bytes = state->sent_bytes;
	sample->received_bytes = state->received_bytes;
	if (state->bytes_partial)
		sample->flags |= VIGIL_SAMPLE_NETWORK_UNKNOWN;
}

/* Values per process, from its leader. The usage of exited threads is in signal_struct. */
static __always_inline void begin_process(struct vigil_sample *sample, struct task_struct *leader)
{
	const struct signal_struct *group = leader->signal;

	begin_share(sample, leader);
	sample->start_ns = leader->start_boottime;
	sample->exec_id = leader->self_exec_id;
	sample->runtime_ns = group->sum_sched_runtime;
	if (counts_storage()) {
		sample->read_bytes = without_children(group->ioac.read_bytes, group->cinblock);
		sample->write_bytes = without_children(group->ioac.write_bytes, group->coublock);
		sample->cancelled_bytes =
			own_cancelled(group->ioac.cancelled_write_bytes, group->cmaxrss);
	} else {
		sample->flags |= VIGIL_SAMPLE_STORAGE_UNKNOWN;
	}
	sample->cgroup_id = leader->cgroups->dfl_cgrp->kn->id;
	sample->ppid = leader->real_parent->tgid;
	sample->uid = leader->cred->uid.val;
	sample->gid = leader->cred->gid.val;
	sample->threads = group->nr_threads;
	sample->pidns_level = leader->thread_pid->level;
	read_16((__u64 *)sample->comm, leader->comm);
	add_network(sample);
}

/* True if all threads have exited (a zombie), and for the idle task. */
static __always_inline int is_gone(struct task_struct *task)
{
	return task->signal->live.counter == 0 || task->tgid == 0;
}
