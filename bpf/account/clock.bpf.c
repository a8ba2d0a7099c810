// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads CLOCK_MONOTONIC and the clock of the caller's run queue. Never attached: run on demand
 * (BPF_PROG_TEST_RUN), just after the run queue's clock was updated.
 */
#include "../lib/emit.h"

char _license[] SEC("license") = "GPL";

SEC("raw_tp")
int compare_clocks(void *context)
{
	struct vigil_control *control = control_of();

	if (!control || !has_run_queue())
		return 0;
	control->compared_monotonic_ns = bpf_ktime_get_ns();
	control->compared_clock_ns = BPF_CORE_READ(current_task(), se.cfs_rq, rq, clock);
	return 0;
}
