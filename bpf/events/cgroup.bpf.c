// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cgroup of the filter is created again, as for a unit that is restarted: a new one with the
 * same path. Runs before any process can join it, so none is missed.
 */
#include "../lib/emit.h"

#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* The path of the filter's cgroup; written by user space before the program is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vigil_cgroup_path);
} cgroup_path SEC(".maps");

/* Too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct vigil_cgroup_path);
} new_path SEC(".maps");

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_mkdir, struct cgroup *cgroup)
{
	const __u32 zero = 0;
	struct vigil_control *control = control_of();
	const struct vigil_cgroup_path *wanted = bpf_map_lookup_elem(&cgroup_path, &zero);
	struct vigil_cgroup_path *found = bpf_map_lookup_elem(&new_path, &zero);

	/* The hierarchies of version 1 have other numbers. */
	if (!control || !wanted || !found || BPF_CORE_READ(cgroup, root, hierarchy_id) != 0)
		return 0;
	if (bpf_probe_read_kernel_str(found->bytes, sizeof(found->bytes),
				      (const void *)raw_argument(ctx, 1)) <= 0)
		return 0;
	for (int i = 0; i < VIGIL_CGROUP_PATH_MAX; i++) {
		if (found->bytes[i] != wanted->bytes[i])
			return 0;
		if (!found->bytes[i])
			break;
	}
	control->filter.cgroup_id = BPF_CORE_READ(cgroup, kn, id);
	return 0;
}
