/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPU time of an exiting thread or process, as wait4(2) will report it. The kernel's own
 * function for this (thread_group_cputime_adjusted()) is not exported to modules.
 */
#ifndef PROCESS_MONITOR_EXIT_TIMES_H
#define PROCESS_MONITOR_EXIT_TIMES_H

#include <linux/math64.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seqlock.h>

struct exit_times {
	u64 user_ns;
	u64 system_ns;
};

/* The scheduler's counters: exact runtime, and user and system time sampled at ticks. */
struct tick_times {
	u64 runtime_ns;
	u64 user_ns;
	u64 system_ns;
};

/* A thread that is released during the summation is in both sums or in none: then repeat. */
#define ADD_ATTEMPTS 3

static inline void add_ticks(struct tick_times *ticks, const struct task_struct *thread)
{
	ticks->runtime_ns += thread->se.sum_exec_runtime;
	ticks->user_ns += thread->utime;
	ticks->system_ns += thread->stime;
}

/*
 * The ticks only determine how the runtime is divided (cputime_adjust() in
 * kernel/sched/cputime.c): without any tick all of it counts as user time.
 */
static inline void divide_runtime(const struct tick_times *ticks, struct exit_times *times)
{
	const u64 all = ticks->user_ns + ticks->system_ns;
	u64 system = 0;

	if (ticks->system_ns && !ticks->user_ns) {
		system = ticks->runtime_ns;
	} else if (ticks->system_ns) {
		/*
		 * Both parts of the fraction are reduced to 32 bits: 1 in 2^31 is precise
		 * enough.
		 */
		const int shift = max(fls64(all) - 32, 0);

		system = mul_u64_u32_div(ticks->runtime_ns, ticks->system_ns >> shift,
					 all >> shift);
	}
	times->system_ns = system;
	times->user_ns = ticks->runtime_ns - system;
}

static inline void times_of_thread(const struct task_struct *thread, struct exit_times *times)
{
	struct tick_times ticks = {};

	add_ticks(&ticks, thread);
	divide_runtime(&ticks, times);
}

/*
 * Waits briefly for a writer, with a bound: on PREEMPT_RT the writer may be preempted, and
 * readers of a seqlock_t then sleep, which a probe must not. So only its counter is used.
 */
static inline unsigned int begin_to_add(const seqcount_t *changes)
{
	int spins_left = 1000;

	while ((raw_read_seqcount(changes) & 1) && --spins_left)
		cpu_relax();
	return raw_seqcount_begin(changes);
}

/* Of all threads: those that were released are in signal_struct already. */
static inline void times_of_process(const struct task_struct *task, struct exit_times *times)
{
	struct signal_struct *group = task->signal;
	const seqcount_t *changes = &group->stats_lock.seqcount.seqcount;
	struct tick_times ticks;
	unsigned int sequence;
	struct task_struct *thread;
	int attempts = 0;

	rcu_read_lock();
	do {
		sequence = begin_to_add(changes);
		ticks.runtime_ns = group->sum_sched_runtime;
		ticks.user_ns = group->utime;
		ticks.system_ns = group->stime;
		for_each_thread(task, thread)
			add_ticks(&ticks, thread);
	} while (read_seqcount_retry(changes, sequence) && ++attempts < ADD_ATTEMPTS);
	rcu_read_unlock();
	divide_runtime(&ticks, times);
}

#endif
