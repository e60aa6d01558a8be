/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Inside the proc provider: the traced threads, what programs wait for, and the stops.
 *
 *     proc.c          the provider: serves, attach, start, poll, stop
 *     proc_attach.c   which points a program attaches to, from its type and section
 *     proc_spawn.c    the command: fork, seize, seccomp filter, exec
 *     proc_seize.c    or a running process
 *     proc_wait.c     the loop: what a stop means, and how the thread goes on
 *     proc_task.c     the table of threads and processes
 *     proc_sys.c      system calls: names, entry, exit, their contexts
 *     proc_life.c     fork, exec, exit, signals: what happens; proc_event.c: their tracepoints
 *     proc_fn.c       kernel functions that a system call is known to pass: proc_fn_table.c has
 *                     the rows, proc_path.c, proc_dir.c and proc_sock.c their arguments
 *     proc_lsm.c      LSM hooks in the same way: proc_lsm_args.c; proc_lookup.c finds their paths
 *     proc_sample.c   perf_event: samples
 *     proc_world.c    what programs may ask of the current thread
 */
#ifndef HOOK_PROC_H
#define HOOK_PROC_H

#include "base/hash.h"
#include "base/vec.h"
#include "hook/hook.h"
#include "model/task.h"
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>
#include <time.h>

/* System call numbers are below this on every architecture that Linux has; a seccomp filter
 * (4096 instructions) has room for all of them. */
#define PROC_NR_SYSCALLS 512

/* Arguments of a kernel function or raw tracepoint: fentry takes 12 at most. */
#define PROC_MAX_ARGS 12

struct proc;
struct proc_task;
struct proc_attach;
struct model_socks;

/* Objects of the model that live as long as the system call that they were made for. */
#define PROC_MAX_LENT 32

/* What may happen in a traced thread, apart from system calls. */
enum proc_event_kind {
	PROC_EV_FORK,
	PROC_EV_EXEC,
	PROC_EV_EXIT,
	PROC_EV_SIGNAL_SEND,
	PROC_EV_SIGNAL_DELIVER,
	PROC_EV_RENAME,
	PROC_NR_EVENTS
};

/* One happening, as a program sees it: the arguments of the function or raw tracepoint. */
struct proc_call {
	u64 args[PROC_MAX_ARGS];
	u32 nr_args;
	u64 ret;
	const struct proc_fn *fn;           /* where it is one of a function */
	const struct proc_happening *event; /* where it comes from one */
	const void *ctx;                    /* of a tracepoint; lent */
	size_t ctx_size;
};

/* How a program of some type is run at a point. */
typedef void (*proc_run_fn)(struct proc *p, struct proc_task *t, struct proc_attach *a,
			    struct proc_call *call);

struct proc_fn;
struct proc_tp;
struct proc_happening;
struct proc_attach {
	struct hook_prog *hp;
	proc_run_fn run;
	const struct proc_fn *fn; /* a kernel function */
	const struct proc_tp *tp; /* an event's tracepoint */
	u64 cookie;               /* of the site that is hit; else 0 */
	bool at_exit;             /* kretprobe, fexit, sys_exit */
	struct proc_attach *next; /* of the same point */
	struct proc_attach *all;  /* of all */
};

struct proc_list {
	struct proc_attach *first, **tail;
};

/* A process: what its threads share. */
struct proc_process {
	u32 tgid, nr_threads;
	u32 uid, gid;
	u64 cgroup_id;
	int mem_fd; /* /proc/PID/mem, -1: not open */
	int pid_fd; /* -1: not open */
	struct uprobe_space *uprobes;
	bool kills_groups; /* has sent a signal to more than one process */
	bool is_setup;     /* still our own code, before the exec of the command */
};

/* A call that was seen at its entry and waits for its return. */
struct proc_saved {
	struct proc_saved *next;
	struct proc_attach *attach;
	struct proc_call call;
};

enum proc_state {
	PROC_NEW,     /* stopped, and its parent's event has not come yet */
	PROC_AWAITED, /* its parent's event came, its own first stop did not */
	PROC_RUNNING,
	PROC_STOPPED,
	PROC_PARKED, /* stopped at a breakpoint until another thread has stepped over one */
	PROC_HELD,   /* stopped until all are: they are about to be let go */
};

struct proc_task {
	u32 tid;
	enum proc_state state;
	struct proc_process *process;
	char comm[16];
	/* the system call that it is in; nr -1: none that we follow */
	s64 nr;
	bool is_compat;
	u64 args[6];
	bool wants_exit;
	bool is_judged; /* a program refused it: it is not made, and verdict is its result */
	s64 verdict;
	struct proc_saved *saved;
	/* registers at this stop */
	struct user_regs_struct regs;
	bool has_regs, regs_dirty;
	void *kobj;    /* struct task_struct, when programs look at it */
	void *pt_regs; /* struct pt_regs in the model, of the entry to the kernel */
	struct uprobe_thread *uprobe;
	u64 born;      /* CLOCK_MONOTONIC, ns: since when we know it */
	u64 boot_born; /* CLOCK_BOOTTIME; 0: it was there before */
	u32 exit_code;
	void *lent[PROC_MAX_LENT];
	u32 nr_lent;
	bool wants_sample;
	int held_sig; /* the signal that it was stopped with, when PROC_HELD */
};

struct proc {
	struct hook_set *set;
	struct model *model;
	struct model_socks *socks;       /* NULL until one is seen */
	struct model_tasks *model_tasks; /* NULL until a program needs tasks */
	const struct hook_opts *opts;
	/* what programs wait for */
	struct proc_attach *attaches;
	struct proc_list enter[PROC_NR_SYSCALLS], exit[PROC_NR_SYSCALLS];
	struct proc_list judge[PROC_NR_SYSCALLS]; /* LSM, fmod_ret: may refuse it */
	struct proc_list enter_any, exit_any;
	struct proc_list events[PROC_NR_EVENTS];
	struct proc_list timers;
	u32 freq; /* of samples, Hz */
	bool needs_task, needs_regs, needs_files;
	struct uprobe_set *uprobes; /* NULL: none */
	/* the traced */
	struct hash_table tasks, processes; /* by tid, by tgid */
	u32 nr_tasks, nr_parked;
	u32 main_pid; /* of the command */
#define PROC_NR_DEAD 64
	u32 dead[PROC_NR_DEAD], nr_dead; /* the last processes whose parents were told */
	bool own;                        /* we started it */
	bool is_privileged, warned_setuid, warned_ptrace;
	bool all_stops; /* no seccomp filter: every system call stops */
	bool stopping;  /* programs do not run any more */
	int exec_fd;    /* errno of an exec that failed; -1: closed */
	int exit_status;
	u64 last_sweep; /* when children without a parent's event were looked for */
	/* the current stop */
	struct vm_env env;
	struct proc_task *current;
	char *scratch; /* a context, in the model's range */
	bool has_timer;
	timer_t timer;
	struct sigaction old_action; /* of the timer's signal */
	int timer_ms;
};

/* Contexts are built here: the largest is a tracepoint's with a path behind it. */
#define PROC_SCRATCH_SIZE 16384

/* proc_attach.c */
int proc_attach_prog(struct proc *p, struct hook_prog *hp, struct skep_diag *diag);
const char *proc_serves(const struct prog *prog, const struct hook_opts *opts);
void proc_attach_free(struct proc *p);
struct proc_attach *proc_attach_new(struct proc *p, struct hook_prog *hp, proc_run_fn run);
void proc_list_add(struct proc_list *l, struct proc_attach *a);

/* proc_spawn.c */
int proc_spawn(struct proc *p, struct skep_diag *diag);
void proc_warn_setuid(struct proc *p, struct proc_task *t);
u32 proc_ptrace_options(const struct proc *p);
/* The file that a command's name stands for, as execvp finds it. */
int proc_find_command(const char *name, char *path, size_t size, struct skep_diag *diag);

/* proc_seize.c */
int proc_seize(struct proc *p, u32 pid, struct skep_diag *diag);

/* proc_wait.c */
int proc_wait(struct proc *p, int timeout_ms, struct skep_diag *diag);
void proc_detach_all(struct proc *p);
void proc_timer_done(struct proc *p);
void proc_kill_all(struct proc *p);

/* proc_task.c */
struct proc_task *proc_task_find(const struct proc *p, u32 tid);
struct proc_task *proc_task_new(struct proc *p, u32 tid, u32 tgid, const struct proc_task *parent);
void proc_task_free(struct proc *p, struct proc_task *t);
void proc_task_renamed(struct proc *p, struct proc_task *t);      /* read comm again */
void proc_process_changed(struct proc *p, struct proc_process *); /* read credentials again */
void proc_task_execed(struct proc *p, struct proc_task *t, u32 old_tid);
int proc_process_mem(struct proc_process *process);
void proc_tasks_done(struct proc *p);
u32 proc_tgid_of(u32 tid);                          /* from /proc; 0: gone */
u64 proc_auxv(const struct proc_task *t, u64 type); /* AT_ENTRY, AT_EXECFN, …; 0: none */

/* proc_sys.c */
s32 proc_sys_by_name(const char *name, size_t len); /* uapi or kernel function; -1: none */
const char *proc_sys_name(s64 nr);                  /* of the kernel function; NULL */
void proc_sys_enter(struct proc *p, struct proc_task *t);
void proc_sys_exit(struct proc *p, struct proc_task *t, u64 ret);
bool proc_sys_watches(s64 nr); /* we follow it for our own bookkeeping */
void proc_run_tp_sys_enter(struct proc *, struct proc_task *, struct proc_attach *,
			   struct proc_call *);
void proc_run_tp_sys_exit(struct proc *, struct proc_task *, struct proc_attach *,
			  struct proc_call *);
void proc_run_raw_sys_enter(struct proc *, struct proc_task *, struct proc_attach *,
			    struct proc_call *);
void proc_run_raw_sys_exit(struct proc *, struct proc_task *, struct proc_attach *,
			   struct proc_call *);

/* proc_world.c */
u64 proc_run(struct proc *p, struct proc_task *t, struct proc_attach *a, void *ctx, size_t size);
const struct user_regs_struct *proc_regs(struct proc_task *t); /* NULL: it is gone */
int proc_set_regs(struct proc_task *t);                        /* write t->regs back */
void *proc_pt_regs(struct proc *p, struct proc_task *t);       /* in the model */
void proc_regs_to_model(struct proc *p, void *dst, const struct user_regs_struct *regs);
long proc_read(struct proc_task *t, void *dst, size_t size, u64 addr);
long proc_write(struct proc_task *t, u64 addr, const void *src, size_t size);
long proc_read_str(struct proc_task *t, char *dst, size_t size, u64 addr); /* length, NUL in */
void *proc_kobj(struct proc *p, struct proc_task *t);

/* proc_sample.c */
void proc_run_sample(struct proc *, struct proc_task *, struct proc_attach *, struct proc_call *);
void proc_sample_all(struct proc *p);

/* proc_fn.c: kernel functions */
void *proc_lend(struct proc *p, struct proc_task *t, size_t size); /* until the call returns */
void proc_unlend(struct proc *p, struct proc_task *t);
bool proc_fn_enter(struct proc *p, struct proc_task *t, const struct proc_fn *fn,
		   struct proc_call *call);
bool proc_fn_leave(struct proc *p, struct proc_task *t, const struct proc_fn *fn,
		   struct proc_call *call);

u64 proc_now(void); /* CLOCK_MONOTONIC, ns */
u64 proc_boot_now(void);

#endif
