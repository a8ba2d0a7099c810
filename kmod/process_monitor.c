// SPDX-License-Identifier: GPL-2.0-only
/*
 * process_monitor: logs exiting processes to the kernel's log, and counts them.
 *
 * Two kprobes. Every exiting thread enters do_exit(), where the last one of its process is not
 * known yet: racing threads have not been counted down. Later each of them calls
 * taskstats_exit(), whose second argument marks the last one.
 */
#define pr_fmt(fmt) "PROCESS_MONITOR: " fmt

#include <linux/ctype.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <asm/local64.h>

#include "exit_times.h"

#ifndef CONFIG_KPROBES
#error "this kernel is built without CONFIG_KPROBES"
#endif
#ifndef CONFIG_HAVE_FUNCTION_ARG_ACCESS_API
#error "on this architecture the arguments of a probed function can't be read"
#endif

/* A test builds the module with a name that no kernel has. */
#ifndef PROCESS_EXIT_FUNCTION
#define PROCESS_EXIT_FUNCTION "taskstats_exit"
#endif

#define PROC_NAME "process_monitor"
#define BANNER "========================================\n"
#define LINES_OF_AN_EXIT 2

static int set_switch(const char *value, const struct kernel_param *parameter)
{
	unsigned int wanted;
	int error = kstrtouint(value, 0, &wanted);

	if (error)
		return error;
	if (wanted > 1)
		return -EINVAL;
	WRITE_ONCE(*(unsigned int *)parameter->arg, wanted);
	return 0;
}

static const struct kernel_param_ops switch_ops = {
	.set = set_switch,
	.get = param_get_uint,
};

static unsigned int log_exits = 1;
module_param_cb(log, &switch_ops, &log_exits, 0644);
__MODULE_PARM_TYPE(log, "uint");
MODULE_PARM_DESC(log, "Write two lines an exit: 0 or 1 (default 1)");

static unsigned int log_threads;
module_param_cb(threads, &switch_ops, &log_threads, 0644);
__MODULE_PARM_TYPE(threads, "uint");
MODULE_PARM_DESC(threads, "Lines for each thread instead of each process: 0 or 1 (default 0)");

enum counter { PROCESSES, THREADS, USER_NS, SYSTEM_NS, COUNTERS };

/* Written only by handlers on the same CPU, which can't be preempted. */
static DEFINE_PER_CPU(local64_t, totals[COUNTERS]);

static void count(enum counter counter, u64 more)
{
	local64_add(more, this_cpu_ptr(&totals[counter]));
}

static u64 sum_of(enum counter counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += local64_read(per_cpu_ptr(&totals[counter], cpu));
	return sum;
}

/* Lines written in the current second, for the ratelimit. */
static struct {
	raw_spinlock_t lock;
	unsigned long began; /* jiffies */
	u64 lines;
	u64 unreported; /* suppressed lines that were not reported yet */
	u64 suppressed;
} budget = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(budget.lock),
};

/* A new limit starts a new second. */
static int set_ratelimit(const char *value, const struct kernel_param *parameter)
{
	unsigned long flags;
	int error = param_set_uint(value, parameter);

	if (error)
		return error;
	raw_spin_lock_irqsave(&budget.lock, flags);
	budget.began = jiffies - HZ;
	raw_spin_unlock_irqrestore(&budget.lock, flags);
	return 0;
}

static const struct kernel_param_ops ratelimit_ops = {
	.set = set_ratelimit,
	.get = param_get_uint,
};

static unsigned int ratelimit;
module_param_cb(ratelimit, &ratelimit_ops, &ratelimit, 0644);
__MODULE_PARM_TYPE(ratelimit, "uint");
MODULE_PARM_DESC(ratelimit, "Lines a second at most, 1 counts as 2; 0: no limit (default 0)");

static u64 loaded_ns;

/*
 * True if the lines of an exit may be written. `unreported`: number of suppressed lines to be
 * reported first.
 */
static bool consume_budget(u64 *unreported)
{
	const u64 limit = READ_ONCE(ratelimit);
	unsigned long flags;
	bool allowed;

	*unreported = 0;
	if (!limit && !READ_ONCE(budget.unreported))
		return true;
	raw_spin_lock_irqsave(&budget.lock, flags);
	if (!limit || time_after_eq(jiffies, budget.began + HZ)) {
		budget.began = jiffies;
		budget.lines = 0;
		*unreported = budget.unreported;
		budget.unreported = 0;
	}
	/*
	 * The lines of an exit are written together or not at all: a limit of one line lets two
	 * through.
	 */
	allowed = !limit || budget.lines + LINES_OF_AN_EXIT <= max_t(u64, limit, LINES_OF_AN_EXIT);
	if (allowed) {
		budget.lines += LINES_OF_AN_EXIT;
	} else {
		budget.unreported += LINES_OF_AN_EXIT;
		budget.suppressed += LINES_OF_AN_EXIT;
	}
	raw_spin_unlock_irqrestore(&budget.lock, flags);
	return allowed;
}

/* The process that waits for this one, whichever of its threads forked. */
static pid_t parent_of(const struct task_struct *task)
{
	pid_t parent;

	rcu_read_lock();
	parent = task_tgid_nr(rcu_dereference(task->real_parent));
	rcu_read_unlock();
	return parent;
}

/*
 * Keeps printable ASCII and writes all else as \ooo: the name may be cut inside a UTF-8
 * character, and a process could imitate a line of this log.
 */
static void escape_name(char *to, const char *name)
{
	for (; *name; name++) {
		const unsigned char byte = *name;

		if (isascii(byte) && isprint(byte) && byte != '\\')
			*to++ = byte;
		else
			to += sprintf(to, "\\%03o", byte);
	}
	*to = '\0';
}

static void log_exit(const struct task_struct *task, const struct exit_times *times)
{
	char name[TASK_COMM_LEN];
	char escaped[4 * TASK_COMM_LEN];
	u64 unreported;

	if (!consume_budget(&unreported))
		return;
	if (unreported)
		pr_info("%llu lines suppressed\n", unreported);
	/* A copy: the task may be renamed meanwhile. */
	memcpy(name, task->comm, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	escape_name(escaped, name);
	/* One record, so that no line of another CPU comes between these two. */
	pr_info("Process exiting - PID: %d, Name: %s, Parent PID: %d\n"
		pr_fmt("  User time: %llu ns, System time: %llu ns\n"),
		task->pid, escaped, parent_of(task), times->user_ns, times->system_ns);
}

/* Exits while the module is being loaded, to check that the probes work. */
static struct task_struct *probe_test_task;
static bool thread_probe_works;
static bool process_probe_works;

static int on_thread_exit(struct kprobe *probe, struct pt_regs *regs)
{
	struct exit_times times;

	if (unlikely(current == READ_ONCE(probe_test_task))) {
		WRITE_ONCE(thread_probe_works, true);
		return 0;
	}
	count(THREADS, 1);
	if (READ_ONCE(log_exits) && READ_ONCE(log_threads)) {
		times_of_thread(current, &times);
		log_exit(current, &times);
	}
	return 0;
}
NOKPROBE_SYMBOL(on_thread_exit);

/* taskstats_exit(struct task_struct *tsk, int group_dead), where tsk is current. */
static int on_process_exit(struct kprobe *probe, struct pt_regs *regs)
{
	struct exit_times times;

	if (!(regs_get_kernel_argument(regs, 1) & 1))
		return 0;
	if (unlikely(current == READ_ONCE(probe_test_task))) {
		WRITE_ONCE(process_probe_works, true);
		return 0;
	}
	times_of_process(current, &times);
	count(PROCESSES, 1);
	count(USER_NS, times.user_ns);
	count(SYSTEM_NS, times.system_ns);
	if (READ_ONCE(log_exits) && !READ_ONCE(log_threads))
		log_exit(current->group_leader, &times);
	return 0;
}
NOKPROBE_SYMBOL(on_process_exit);

static struct kprobe thread_probe = {
	.symbol_name = "do_exit",
	.pre_handler = on_thread_exit,
};
static struct kprobe process_probe = {
	.symbol_name = PROCESS_EXIT_FUNCTION,
	.pre_handler = on_process_exit,
};

static int show_totals(struct seq_file *file, void *unused)
{
	unsigned long flags;
	u64 suppressed;

	raw_spin_lock_irqsave(&budget.lock, flags);
	suppressed = budget.suppressed;
	raw_spin_unlock_irqrestore(&budget.lock, flags);
	seq_printf(file, "process_exits %llu\n", sum_of(PROCESSES));
	seq_printf(file, "thread_exits %llu\n", sum_of(THREADS));
	seq_printf(file, "lines_suppressed %llu\n", suppressed);
	seq_printf(file, "kprobe_missed %lu\n", thread_probe.nmissed + process_probe.nmissed);
	seq_printf(file, "user_ns %llu\n", sum_of(USER_NS));
	seq_printf(file, "system_ns %llu\n", sum_of(SYSTEM_NS));
	seq_printf(file, "loaded_ns %llu\n", loaded_ns);
	return 0;
}

static int __init register_probe(struct kprobe *probe)
{
	int error = register_kprobe(probe);

	if (error)
		pr_err("Failed to register kprobe: %d (%s%s)\n", error, probe->symbol_name,
		       error == -ENOENT ? ": no such function in this kernel" : "");
	return error;
}

static int __init exit_immediately(void *unused)
{
	return 0;
}

/* Kprobes can be disabled globally; registration then succeeds, but no probe fires. */
static int __init try_probes(void)
{
	struct task_struct *thread = kthread_create(exit_immediately, NULL, PROC_NAME);

	if (IS_ERR(thread)) {
		pr_err("Failed to start a thread: %ld\n", PTR_ERR(thread));
		return PTR_ERR(thread);
	}
	/* Pinned while it is compared: another task could reuse its address. */
	get_task_struct(thread);
	WRITE_ONCE(probe_test_task, thread);
	kthread_stop(thread); /* returns after its exit */
	WRITE_ONCE(probe_test_task, NULL);
	put_task_struct(thread);
	if (READ_ONCE(thread_probe_works) && READ_ONCE(process_probe_works))
		return 0;
	pr_err("Failed to register kprobe: %d (kprobes are switched off: see %s and %s)\n",
	       -EOPNOTSUPP, "/sys/kernel/debug/kprobes/enabled", "kernel.ftrace_enabled");
	return -EOPNOTSUPP;
}

static int __init process_monitor_init(void)
{
	int error;

	pr_info(BANNER);
	pr_info("Module loading...\n");
	loaded_ns = ktime_get_boottime_ns();
	budget.began = jiffies;
	error = register_probe(&thread_probe);
	if (error)
		return error;
	error = register_probe(&process_probe);
	if (error)
		goto unregister_thread_probe;
	error = try_probes();
	if (error)
		goto unregister_both;
	if (!proc_create_single(PROC_NAME, 0444, NULL, show_totals)) {
		error = -ENOMEM;
		pr_err("Failed to create /proc/%s: %d\n", PROC_NAME, error);
		goto unregister_both;
	}
	pr_info("Registered exit kprobe at %p\n", thread_probe.addr);
	pr_info("Module loaded successfully\n");
	pr_info("Monitoring process termination events\n");
	pr_info(BANNER);
	return 0;

unregister_both:
	unregister_kprobe(&process_probe);
unregister_thread_probe:
	unregister_kprobe(&thread_probe);
	return error;
}

static void __exit process_monitor_exit(void)
{
	remove_proc_entry(PROC_NAME, NULL);
	/* When they return, no handler is running. */
	unregister_kprobe(&process_probe);
	unregister_kprobe(&thread_probe);
	if (budget.unreported)
		pr_info("%llu lines suppressed\n", budget.unreported);
	pr_info(BANNER);
	pr_info("Module unloaded\n");
	pr_info("Total process exits monitored: %llu\n", sum_of(PROCESSES));
	pr_info(BANNER);
}

module_init(process_monitor_init);
module_exit(process_monitor_exit);

MODULE_DESCRIPTION("Logs and counts the ends of processes");
MODULE_AUTHOR("the vigil project");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
