/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a hook to the ring. Every event is counted: seen = filtered + dropped + emitted.
 *
 * The counters are plain memory of one stream (this lane of this CPU), which needs no atomics:
 * hooks run with migration disabled, the kernel never nests a program in itself on one CPU, and
 * signals are generated with interrupts disabled.
 */
#pragma once

#include "task.h"

static __always_inline struct vigil_control *control_of(void)
{
	const __u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

static __always_inline __u32 stream_of(const struct vigil_control *control, int lane)
{
	return lane * control->cpu_count + bpf_get_smp_processor_id();
}

/* True for the first lane that claims an event of `task`; `tag` distinguishes its events. */
static __always_inline int claim(const struct vigil_control *control, int kind,
				 struct task_struct *task, __u64 tag)
{
	if (control->lane_count == 1)
		return 1;
	const __u32 tid = task->pid;
	const __u32 slot = kind * VIGIL_CLAIM_SLOTS + tid % VIGIL_CLAIM_SLOTS;
	const __u64 event = (task->start_boottime + tag) ^ (__u64)tid << 40;
	__u64 *taken = bpf_map_lookup_elem(&claims, &slot);

	if (!taken || *taken == event)
		return 0;
	*taken = event;
	return 1;
}

/* Counts the event as seen. Never NULL, but the verifier requires a check. */
static __always_inline struct vigil_counter *count_seen(const struct vigil_control *control, int kind,
						 int lane)
{
	const __u32 stream = stream_of(control, lane);
	struct vigil_cpu_counters *stream_counters = bpf_map_lookup_elem(&counters, &stream);

	if (!stream_counters)
		return 0;
	stream_counters->kind[kind].seen++;
	return &stream_counters->kind[kind];
}

static __always_inline void drop(struct vigil_counter *counter)
{
	counter->dropped++;
	*(volatile __u64 *)&counter->sequence += 1;
}

/* Reserves a record of constant size and starts its header; NULL if the ring is full. */
static __always_inline void *reserve(const struct vigil_control *control,
				     struct vigil_counter *counter, int kind, int lane, __u64 size)
{
	struct vigil_header *header = bpf_ringbuf_reserve(&ring, size, 0);

	if (!header) {
		drop(counter);
		return 0;
	}
	header->time_ns = bpf_ktime_get_boot_ns();
	header->size = size;
	header->kind = kind;
	header->stream = stream_of(control, lane);
	header->flags = 0;
	header->sequence = counter->sequence + 1;
	/* After the reservation: a reader that sees the number finds the record in the ring. */
	*(volatile __u64 *)&counter->sequence += 1;
	return header;
}

/*
 * A wake-up costs the sender far more than the event itself. So an idle reader is woken once,
 * and a batching one when wakeup_bytes are in the ring.
 */
static __always_inline __u64 wake_flag(struct vigil_control *control)
{
	volatile __u32 *state = &control->reader_state;

	if (*state == VIGIL_READER_AWAKE)
		return BPF_RB_NO_WAKEUP;
	if (*state == VIGIL_READER_BATCHING &&
	    bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < control->wakeup_bytes)
		return BPF_RB_NO_WAKEUP;
	*state = VIGIL_READER_AWAKE;
	return BPF_RB_FORCE_WAKEUP;
}

/*
 * For records that were submitted without a wake-up flag. A hook that reserves first does not
 * need this: the reader sees its unfinished record and does not sleep.
 */
static __always_inline void wake(struct vigil_control *control)
{
	void *empty;

	if (wake_flag(control) == BPF_RB_NO_WAKEUP)
		return;
	empty = bpf_ringbuf_reserve(&ring, sizeof(__u64), 0);
	if (empty)
		bpf_ringbuf_discard(empty, BPF_RB_FORCE_WAKEUP);
}
