/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Running programs. `struct vm` is one loaded object's machine: its maps, the memory that its
 * programs may touch, its limits. `struct vm_prog` is a program made ready. A hook fills a
 * `struct vm_env` with what the world looks like at this moment and calls vm_exec.
 *
 * Several threads may run programs of one vm at a time, each with an env of its own.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include "base/diag.h"
#include "map/map.h"
#include "prog/prog.h"
#include <bpf/btf.h>

struct vm;
struct vm_prog;
struct vm_env;

/* --- memory that programs may touch --------------------------------------------------------- */

enum {
	VM_MEM_READ = 1,
	VM_MEM_WRITE = 2,
	VM_MEM_ZERO_FAULT = 4, /* a read that hits a hole gives zeros, as through BTF pointers */
};

struct vm_mem {
	const char *name; /* for messages: "packet", "value of map counts" */
	uintptr_t base;
	size_t size;
	size_t stride; /* 0: one piece; else elements, of which only [off, off + len) may be touched
			*/
	size_t off, len;
	u32 flags;
};

/* --- the world ------------------------------------------------------------------------------ */

/* Who runs "now": filled by the hook. kobj and friends are objects of the model kernel or NULL. */
struct vm_task {
	u32 pid;  /* the kernel's: a thread id */
	u32 tgid; /* the kernel's: what user space calls pid */
	u32 uid, gid;
	char comm[16];
	u64 cgroup_id;
	void *kobj;    /* struct task_struct */
	void *pt_regs; /* struct pt_regs of the entry to the kernel (task_pt_regs), readable */
};

/*
 * What only a hook can do. Each may be NULL: the helper then returns what Linux returns where the
 * thing is impossible. `env` leads back to the hook's own data by env->hook.
 */
struct vm_world {
	/* Memory of the current process. 0 or -EFAULT; all or nothing. */
	long (*read_user)(struct vm_env *env, void *dst, size_t size, u64 addr);
	long (*write_user)(struct vm_env *env, u64 addr, const void *src, size_t size);
	/* Kernel memory: the model's; 0 or -EFAULT. */
	long (*read_kernel)(struct vm_env *env, void *dst, size_t size, u64 addr);
	long (*send_signal)(struct vm_env *env, u32 sig, bool thread_only);
	/* Return addresses, innermost first; their number or -errno. */
	long (*user_stack)(struct vm_env *env, u64 *ips, u32 max);
	void *(*task_by_pid)(struct vm_env *env, u32 pid); /* struct task_struct or NULL */
	u64 (*clock)(struct vm_env *env, int clockid);     /* ns; NULL: the machine's clock */
	/* The address of a kernel's variable that a program names (extern … __ksym); NULL: none. */
	const void *(*kernel_symbol)(struct vm_env *env, const char *name);
};

struct vm_pkt; /* pkt.h: the packet of this run, and the network around it */

#define VM_ENV_MEMS 12 /* a hook's own, and one for each of 7 callbacks that are nested */

struct vm_env {
	const struct vm_world *world; /* NULL: an empty world */
	void *hook;                   /* the hook's own */
	struct vm_task task;
	int cpu; /* -1: the real one */
	struct vm_pkt *pkt;
	u64 attach_cookie;
	u64 func_ip; /* bpf_get_func_ip */
	const u64
		*func_args; /* fentry, fexit: bpf_get_func_arg; func_args[nr] is the return value */
	u32 nr_func_args;
	void *regs; /* struct pt_regs of the probe itself (uprobe, perf_event) */
	/* further memory for this one run: context, packet, what helpers lend to callbacks */
	struct vm_mem mem[VM_ENV_MEMS];
	u32 nr_mem;
	struct strbuf *seq; /* output of bpf_seq_*; NULL: none */
	/* What a run leaves behind for the hook. */
	int retval; /* bpf_get_retval and bpf_set_retval: of the call that is judged */
};

/* --- the machine ---------------------------------------------------------------------------- */

struct vm_opts {
	u64 max_insns;                /* budget of one run; 0: the default, 100 million */
	bool no_guard;                /* only for verified programs */
	const struct btf *kernel_btf; /* for snprintf_btf, kfuncs; may be NULL */
	const struct btf *btf;        /* the object's own; may be NULL */
	/* bpf_trace_printk and kin: one line of text */
	void (*printk)(void *ctx, u32 cpu, const struct vm_task *task, const char *text,
		       size_t len);
	void *ctx;
};

/* maps[i] is the map with index i in the object's programs; borrowed, must outlive the vm. */
int vm_new(struct map *const *maps, u32 nr_maps, const struct vm_opts *opts, struct vm **ret,
	   struct skep_diag *diag);
struct vm *vm_free(struct vm *vm); /* NULL is fine; returns NULL */

/* Memory beyond maps (the model kernel), for all runs. Not while programs run. */
int vm_mem_add(struct vm *vm, const struct vm_mem *mem);

/*
 * Make a program ready: validity of every instruction, jumps, calls; helpers and kfuncs that mean
 * nothing in user space are refused here by name. prog must outlive it. vm_free frees it.
 */
int vm_prog_new(struct vm *vm, const struct prog *prog, struct vm_prog **ret,
		struct skep_diag *diag);

/*
 * Run it once. *ret is R0. 0, or -EFAULT (a guard hit), -ETIMEDOUT (the budget), -EINTR (vm_stop)
 * with diag naming the source line. ctx may be NULL when ctx_size is 0.
 */
int vm_exec(struct vm_prog *prog, struct vm_env *env, void *ctx, size_t ctx_size, u64 *ret,
	    struct skep_diag *diag);

void vm_stop(struct vm *vm); /* every run ends at its next jump; async-signal-safe */

/* bpf_timer, bpf_wq: run callbacks that are due; ns until the next one, or -1. */
s64 vm_run_timers(struct vm *vm, struct vm_env *env);

#endif
