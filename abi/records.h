/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Records of the ring: one struct per kind, each starting with vigil_header. Times are
 * nanoseconds of CLOCK_BOOTTIME, sizes are bytes unless the name says pages, pids are of the
 * initial pid namespace. Read by BPF, the kernel module and C++; never written raw to disk or
 * wire.
 */
#pragma once

#include "kinds.h"

#define VIGIL_COMM_LENGTH 16
#define VIGIL_FILE_MAX 4096
#define VIGIL_ARGV_MAX 4096
#define VIGIL_NAME_MAX 256 /* of one file, without its directory */

/* vigil_header.flags */
#define VIGIL_FLAG_THREAD (1 << 0)          /* about one thread, not its process */
#define VIGIL_FLAG_PEAK_AT_MOST (1 << 1)    /* exit: the peak may be of an image before exec */
#define VIGIL_FLAG_USAGE_PARTIAL (1 << 2)   /* exit: more exiting threads than one walk covers */
#define VIGIL_FLAG_THREADS_UNKNOWN (1 << 3) /* exit: its image is older than the tracer */
#define VIGIL_FLAG_ARGV_UNREADABLE (1 << 4) /* exec: the argument pages could not be read */
#define VIGIL_FLAG_STORAGE_UNKNOWN (1 << 5) /* exec, exit: storage bytes are not counted */
#define VIGIL_FLAG_NETWORK_UNKNOWN (1 << 6) /* exec, exit: network bytes are not counted, or not all */

struct vigil_header {
	__u64 time_ns;
	__u64 sequence; /* per stream and kind, from 1; a gap is a loss */
	__u64 start_ns; /* start of the thread group leader; identifies the process together with pid */
	__u64 cgroup_id;
	__u32 size; /* of the whole record */
	__u16 kind;
	__u16 stream; /* lane * cpu_count + cpu, see control.h */
	__u32 pid; /* thread group id */
	__u32 tid;
	__u32 ppid; /* thread group id of the real parent */
	__u32 uid;
	__u32 gid;
	__u16 pidns_level; /* 0 in the initial pid namespace */
	__u16 flags;
	char comm[VIGIL_COMM_LENGTH];
};

/* The header is the child's, but comm is still the parent's. */
struct vigil_fork {
	struct vigil_header header;
	__u64 parent_start_ns;
};

/*
 * Totals of a process. The scheduler accounts a running thread only at ticks and switches:
 * `runtime_ns` covers the time up to the last update of each thread's run queue clock. The time from
 * there to `monotonic_ns` is added by user space, which knows the offset of the two clocks.
 */
struct vigil_usage {
	__u64 runtime_ns;   /* CPU time of all threads, including exited ones */
	__u64 clocks_ns;    /* sum of the run queue clocks of the running threads */
	__u64 monotonic_ns; /* CLOCK_MONOTONIC just before they were read */
	__u64 read_bytes;   /* from and to storage */
	__u64 write_bytes;
	__u64 cancelled_bytes; /* part of write_bytes: discarded before they were written */
	__u64 sent_bytes; /* TCP and UDP payload since the process, or the tracer, started */
	__u64 received_bytes;
	__u32 running; /* number of threads on a CPU; 0 if run queues can't be read */
	__u32 reserved;
};

/* `usage`: totals of the process, so of its earlier images. */
struct vigil_exec {
	struct vigil_header header;
	struct vigil_usage usage;
	__u32 old_tid;     /* tid before the exec; differs when a non-leader thread called it */
	__u32 argc;
	__u32 argv_bytes;  /* length of all arguments, before truncation */
	__u16 file_length; /* data: file name, then executable's, without NULs, then arguments */
	__u16 executable_length;
	__u16 argv_length;
	__u16 reserved[3];
	char data[VIGIL_FILE_MAX + VIGIL_NAME_MAX + VIGIL_ARGV_MAX]; /* truncated in the ring */
};

struct vigil_exit {
	struct vigil_header header;
	__u64 user_ticks_ns;   /* sampled at ticks: only a proportion, see runtime_ns */
	__u64 system_ticks_ns;
	struct vigil_usage usage;
	__u64 peak_rss_pages; /* with huge pages if the mm is still accessible (6.18); 0: unknown */
	__u64 voluntary_switches;
	__u64 involuntary_switches;
	__u64 minor_faults;
	__u64 major_faults;
	__u32 status;  /* as returned by wait(2) */
	__u32 threads; /* since the last exec, including the leader */
	__u32 login_uid; /* login uid (credentials(7)); ~0: none, or not available */
	__u32 tracer_pid; /* process that traces it by ptrace(2); 0: none */
};

/* vigil_signal.origin: kind of siginfo that the kernel passed. */
#define VIGIL_ORIGIN_INFO 0
#define VIGIL_ORIGIN_NOINFO 1 /* SEND_SIG_NOINFO */
#define VIGIL_ORIGIN_PRIV 2   /* SEND_SIG_PRIV */

/* vigil_signal.context: facts about the current task when the signal was generated. */
#define VIGIL_CONTEXT_SELF (1 << 0)         /* the task belongs to the target process */
#define VIGIL_CONTEXT_EXITING (1 << 1)      /* the task is exiting */
#define VIGIL_CONTEXT_KERNEL (1 << 2)       /* the task is a kernel thread */
#define VIGIL_CONTEXT_PARENT_DEATH (1 << 3) /* the number is the target's pdeath_signal */
#define VIGIL_CONTEXT_GROUP (1 << 4)        /* signal to the process, not to one thread */
#define VIGIL_CONTEXT_DUMPING_CORE (1 << 5) /* the target is dumping core */
#define VIGIL_CONTEXT_OWN_SIGINFO (1 << 6)  /* the siginfo is on the task's kernel stack */
#define VIGIL_CONTEXT_THREAD_EXIT (1 << 7)  /* other threads of the exiting task's process go on */
#define VIGIL_CONTEXT_NEAR_STACK (1 << 8)   /* the fault's address is at the user stack pointer */

/* The header is the target's. */
struct vigil_signal {
	struct vigil_header header;
	__u64 sender_start_ns;
	__u32 sender_pid; /* the current task: the sender only by `origin`, `code`, `context` */
	__u32 sender_tid;
	__u32 sender_uid;
	__u32 number;
	__s32 code; /* si_code */
	__u16 origin;
	__u16 result; /* TRACE_SIGNAL_* of include/trace/events/signal.h */
	__u32 context;
	__u32 reserved;
	char sender_comm[VIGIL_COMM_LENGTH];
};

/* The header is the victim's. */
struct vigil_oom {
	struct vigil_header header;
	__u64 rss_pages; /* ~0: unknown */
	__u32 trigger_pid; /* process whose allocation invoked the OOM killer */
	__s32 score_adjust; /* oom_score_adj of the victim */
	char trigger_comm[VIGIL_COMM_LENGTH];
};

/* The header is the caller's: the target may not exist. */
struct vigil_kill_failed {
	struct vigil_header header;
	/*
	 * As passed: kill(2)'s pid may be 0, -1 or a negative group. Of pidfd_send_signal(2) the pid
	 * that the descriptor refers to; 0: unknown.
	 */
	__s32 target;
	__s32 target_tid; /* tkill, tgkill, rt_tgsigqueueinfo; else 0 */
	__s32 number;
	__s32 error;      /* errno, positive */
	__u32 syscall;    /* VIGIL_SYSCALL_* */
	__u32 reserved;
};

#define VIGIL_SYSCALL_KILL 0
#define VIGIL_SYSCALL_TKILL 1
#define VIGIL_SYSCALL_TGKILL 2
#define VIGIL_SYSCALL_RT_SIGQUEUEINFO 3
#define VIGIL_SYSCALL_RT_TGSIGQUEUEINFO 4
#define VIGIL_SYSCALL_PIDFD_SEND_SIGNAL 5
