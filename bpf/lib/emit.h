/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a hook to the ring, with every event counted: seen = filtered + dropped + emitted.
 *
 * The counters are plain memory of this CPU. That is enough: the hooks run with migration
 * off, the kernel refuses to run a program inside itself on one CPU (counted as a recursion
 * miss, which user space reports), and signals are generated with interrupts off.
 */
#pragma once

#include "task.h"

static __always_inline struct vigil_control *control_of(void)
{
	const __u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

/* Counts the event as seen; NULL can't happen, but the verifier does not know. */
static __always_inline struct vigil_counter *see(int kind)
{
	const __u32 cpu = bpf_get_smp_processor_id();
	struct vigil_cpu_counters *mine = bpf_map_lookup_elem(&counters, &cpu);

	if (!mine)
		return 0;
	mine->kind[kind].seen++;
	return &mine->kind[kind];
}

static __always_inline void drop(struct vigil_counter *counter)
{
	counter->dropped++;
	*(volatile __u64 *)&counter->sequence += 1;
}

/* Room for a record of constant size, its header begun; NULL where the ring is full. */
static __always_inline void *reserve(struct vigil_counter *counter, int kind, __u64 size)
{
	struct vigil_header *header = bpf_ringbuf_reserve(&ring, size, 0);

	if (!header) {
		drop(counter);
		return 0;
	}
	header->time_ns = bpf_ktime_get_boot_ns();
	header->size = size;
	header->kind = kind;
	header->cpu = bpf_get_smp_processor_id();
	header->flags = 0;
	header->sequence = counter->sequence + 1;
	/* After the reservation: a reader that sees the number finds the record in the ring. */
	*(volatile __u64 *)&counter->sequence += 1;
	return header;
}

/*
 * Waking the reader costs the sender far more than the event. So it is woken once when it
 * waits for anything, or when wakeup_bytes have piled up while it naps.
 */
static __always_inline __u64 wake_flag(struct vigil_control *control)
{
	volatile __u32 *state = &control->reader_state;

	if (*state == VIGIL_READER_AWAKE)
		return BPF_RB_NO_WAKEUP;
	if (*state == VIGIL_READER_NAPPING &&
	    bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) < control->wakeup_bytes)
		return BPF_RB_NO_WAKEUP;
	*state = VIGIL_READER_AWAKE;
	return BPF_RB_FORCE_WAKEUP;
}
