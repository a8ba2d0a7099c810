/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every kernel structure and field that vigil uses, and nothing else. Offsets are relocated at
 * load time (CO-RE), so order and size are irrelevant here; names and nesting matter. If kernels
 * differ, the variants have a ___suffix and the reader checks which one exists.
 */
#pragma once

typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

/* include/uapi/linux/bpf.h */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2 };
enum { BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0 };

/* Helpers newer than 5.10, by name: whether this kernel has them. */
enum bpf_func_id___later {
	BPF_FUNC_get_current_task_btf___later = 158,
	BPF_FUNC_task_pt_regs___later = 175,
};

/* include/linux/sched.h, include/linux/sched/signal.h */
#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010
#define PF_USER_WORKER 0x00004000 /* since 6.4 */
#define PF_KTHREAD 0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004

#define VIGIL_RELOCATED __attribute__((preserve_access_index))

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpadded" /* layout is irrelevant here */

struct list_head {
	struct list_head *next;
} VIGIL_RELOCATED;

typedef struct {
	int counter;
} VIGIL_RELOCATED atomic_t;

typedef struct {
	long long counter;
} VIGIL_RELOCATED atomic64_t;

typedef struct {
	unsigned int val;
} VIGIL_RELOCATED kuid_t;

typedef struct {
	unsigned int val;
} VIGIL_RELOCATED kgid_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
} VIGIL_RELOCATED;

struct upid {
	int nr;
} VIGIL_RELOCATED;

struct pid {
	unsigned int level;
	struct upid numbers[1];
} VIGIL_RELOCATED;

struct pid___since_6_9 {
	void *stashed; /* pidfs */
} VIGIL_RELOCATED;

struct kernfs_node {
	__u64 id;
} VIGIL_RELOCATED;

struct cgroup_root {
	int hierarchy_id;
} VIGIL_RELOCATED;

struct cgroup {
	int level;
	struct cgroup_root *root;
	struct kernfs_node *kn;
	struct cgroup *ancestors[0]; /* since 6.1 */
} VIGIL_RELOCATED;

struct cgroup___before_6_1 {
	__u64 ancestor_ids[0];
} VIGIL_RELOCATED;

struct css_set {
	struct cgroup *dfl_cgrp;
} VIGIL_RELOCATED;

struct task_io_accounting {
	__u64 read_bytes;
	__u64 write_bytes;
	__u64 cancelled_write_bytes;
} VIGIL_RELOCATED;

struct rq {
	__u64 clock;
	__u64 clock_task;
} VIGIL_RELOCATED;

struct cfs_rq {
	struct rq *rq; /* CONFIG_FAIR_GROUP_SCHED */
} VIGIL_RELOCATED;

struct sched_entity {
	__u64 exec_start;
	__u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq; /* CONFIG_FAIR_GROUP_SCHED; of its CPU, whatever its class is */
} VIGIL_RELOCATED;

struct percpu_counter {
	__s64 count;
	__s32 *counters; /* per CPU: not in count yet */
} VIGIL_RELOCATED;

struct qstr {
	const unsigned char *name;
} VIGIL_RELOCATED;

struct dentry {
	struct qstr d_name;
} VIGIL_RELOCATED;

struct path {
	struct dentry *dentry;
} VIGIL_RELOCATED;

struct inode {
	void *i_private;
} VIGIL_RELOCATED;

struct file {
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
} VIGIL_RELOCATED;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} VIGIL_RELOCATED;

struct files_struct {
	struct fdtable *fdt;
} VIGIL_RELOCATED;

struct mm_struct {
	struct file *exe_file;
	unsigned long hiwater_rss;
	atomic64_t hugetlb_usage; /* CONFIG_HUGETLB_PAGE */
	unsigned long start_stack; /* where the main thread's stack began; arguments lie above it */
	unsigned long arg_start;
	unsigned long arg_end;
	struct percpu_counter rss_stat[4]; /* since 6.2 */
} VIGIL_RELOCATED;

struct mm_rss_stat {
	atomic64_t count[4];
} VIGIL_RELOCATED;

struct mm_struct___before_6_2 {
	struct mm_rss_stat rss_stat;
} VIGIL_RELOCATED;

/* The core dump state: in mm_struct before 5.16. */
struct core_state;

struct mm_struct___before_5_16 {
	struct core_state *core_state;
} VIGIL_RELOCATED;

typedef struct seqcount {
	unsigned int sequence;
} VIGIL_RELOCATED seqcount_t;

typedef struct seqcount_spinlock {
	seqcount_t seqcount;
} VIGIL_RELOCATED seqcount_spinlock_t;

typedef struct {
	seqcount_spinlock_t seqcount;
} VIGIL_RELOCATED seqlock_t;

struct signal_struct {
	atomic_t live;
	int nr_threads;
	struct list_head thread_head;
	int group_exit_code;
	unsigned int flags;
	seqlock_t stats_lock;
	__u64 utime;
	__u64 stime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned long min_flt;
	unsigned long maj_flt;
	unsigned long maxrss;
	unsigned long cmaxrss;
	unsigned long cinblock;
	unsigned long coublock;
	struct task_io_accounting ioac;
	unsigned long long sum_sched_runtime;
	short oom_score_adj;
	struct mm_struct *oom_mm;
	struct core_state *core_state; /* since 5.16 */
} VIGIL_RELOCATED;

struct task_struct {
	unsigned int flags;
	int on_cpu; /* CONFIG_SMP; one byte since 7.x */
	struct sched_entity se;
	struct mm_struct *mm;
	int exit_code;
	int pdeath_signal;
	unsigned int ptrace;
	void *stack;
	__u64 self_exec_id;
	__u32 pid;
	__u32 tgid;
	struct task_struct *real_parent;
	struct task_struct *parent; /* the tracer, if there is one */
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct list_head thread_node;
	__u64 utime;
	__u64 stime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	__u64 start_boottime;
	unsigned long min_flt;
	unsigned long maj_flt;
	const struct cred *cred;
	char comm[16];
	kuid_t loginuid; /* CONFIG_AUDIT */
	struct signal_struct *signal;
	struct task_io_accounting ioac;
	struct css_set *cgroups;
	struct files_struct *files;
} VIGIL_RELOCATED;

struct linux_binprm {
	int argc;
	const char *filename;
} VIGIL_RELOCATED;

/* include/net/sock.h */
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_MPTCP 262
#define MSG_PEEK 0x2
#define MSG_ERRQUEUE 0x2000

struct sock_common {
	unsigned short skc_family;
} VIGIL_RELOCATED;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
} VIGIL_RELOCATED;

/* include/trace/events/sock.h: the context of programs at these tracepoints. */
struct trace_event_raw_sock_msg_length {
	__u16 family;
	__u16 protocol;
	int ret;
	int flags;
} VIGIL_RELOCATED;

struct kernel_siginfo {
	int si_code;
	union {
		struct {
			void *_addr;
		} _sigfault;
	} _sifields;
} VIGIL_RELOCATED;

/* include/linux/bpf.h */
struct bpf_array {
	void *pptrs[0];
} VIGIL_RELOCATED;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} VIGIL_RELOCATED;

/* kernel/bpf/task_iter.c: the context of iter/task programs, and the open-coded iterator. */
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task; /* NULL after the last task */
};

struct bpf_iter_task {
	__u64 opaque[3];
};
enum { BPF_TASK_ITER_ALL_THREADS = 1 };

/* arch/x86/include/asm/ptrace.h */
struct pt_regs {
	unsigned long di;
	unsigned long si;
	unsigned long dx;
	unsigned long ip;
	unsigned long sp;
} VIGIL_RELOCATED;

#pragma clang diagnostic pop

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* CONFIG_TASK_IO_ACCOUNTING; without it the struct is empty. */
static __always_inline int counts_storage(void)
{
	return bpf_core_field_exists(((struct task_io_accounting *)0)->read_bytes);
}

/*
 * signal_struct.ioac has the usage of exited threads and also that of children that were waited
 * for (wait_task_zombie() of kernel/exit.c); the latter is also in cinblock and coublock, in
 * sectors. All storage bytes are multiples of sectors.
 */
static __always_inline __u64 without_children(__u64 bytes, __u64 child_sectors)
{
	const __u64 of_children = child_sectors << 9;

	return bytes > of_children ? bytes - of_children : 0;
}

/*
 * signal_struct.ioac also includes the cancelled bytes of children, which can't be subtracted: used
 * only if no child was waited for.
 */
static __always_inline __u64 own_cancelled(__u64 bytes, __u64 children_peak_pages)
{
	return children_peak_pages == 0 ? bytes : 0;
}

static __always_inline int has_run_queue(void)
{
	return bpf_core_field_exists(((struct sched_entity *)0)->cfs_rq) &&
	       bpf_core_field_exists(((struct cfs_rq *)0)->rq) &&
	       bpf_core_field_exists(((struct task_struct *)0)->on_cpu);
}

static __always_inline int counts_huge_pages(void)
{
	return bpf_core_field_exists(((struct mm_struct *)0)->hugetlb_usage);
}

/* Since 6.2 memory counters are percpu_counters. */
static __always_inline int has_percpu_rss(void)
{
	return !bpf_core_field_exists(((struct mm_struct___before_6_2 *)0)->rss_stat.count);
}
