/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Inside the vm: one run in progress, as helpers see it, and the tables of helpers and kfuncs.
 *
 * A helper is a row in the table of its file (helper_map.c, helper_task.c, …). Its arguments have
 * been checked against spec/helpers.def before it is called: sizes, readability, map pointers.
 */
#ifndef VM_RUN_H
#define VM_RUN_H

#include "base/types.h"
#include "vm/vm.h"

struct vm_run {
	struct vm *vm;
	struct vm_prog *prog;
	struct vm_env *env;
	struct skep_diag *diag;
	void *ctx;
	size_t ctx_size;
	int err;  /* set by vm_fault: the run ends when the helper returns; VM_THROWN */
	u32 insn; /* index of the calling instruction */
	u32 tail_calls;
	u64 budget;     /* instructions that are left */
	u64 owed;       /* what helpers did for this run, in instructions: vm_charge */
	u64 heap_start; /* vm_heap_now when the run began */
	u64 thrown;     /* what the run returns after bpf_throw */
};

/*
 * Work of a helper that grows with its arguments counts as instructions, so that a budget and a
 * stop hold for programs that let helpers do everything.
 */
static inline void vm_charge(struct vm_run *run, u64 insns)
{
	run->owed += insns;
}

#define VM_THROWN 1 /* in err: all frames end, and that is no error */

typedef u64 (*vm_helper_fn)(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5);

struct vm_helper {
	u32 id;
	vm_helper_fn fn;
};

struct vm_kfunc {
	const char *name;
	vm_helper_fn fn;
};

/*
 * helper_args.c: do the arguments fit the helper's row in spec/helpers.def? After a false the run
 * has a fault that says which argument and what was expected.
 */
struct spec_helper;
bool guard_args(struct vm_run *run, const struct spec_helper *h, const u64 args[5]);

/* helper.c: the rows of all files put together. NULL: not there; *ret_why says why if known. */
vm_helper_fn vm_helper_find(u32 id, const char **ret_why);
vm_helper_fn vm_kfunc_find(const char *name, const char **ret_why);

extern const struct vm_helper helpers_map[], helpers_task[], helpers_mem[], helpers_str[],
	helpers_ring[], helpers_net[], helpers_trace[], helpers_seq[], helpers_loop[],
	helpers_timer[], helpers_dynptr[], helpers_obj[]; /* end with id 0 */
extern const struct vm_kfunc kfuncs_common[], kfuncs_dynptr[], kfuncs_timer[], kfuncs_obj[],
	kfuncs_object[], kfuncs_cpumask[], kfuncs_task[], kfuncs_net[]; /* end with name NULL */

/* interp.c: call a function of the program (a callback); func is what ld_imm64 of it gives. */
u64 vm_call(struct vm_run *run, u64 func, const u64 args[5]);
/* The same as a run of its own: a timer's callback. func is of prog. */
int vm_exec_callback(struct vm_prog *prog, struct vm_env *env, u64 func, const u64 args[5],
		     u64 *ret, struct skep_diag *diag);

/* guard.c: may the program touch [addr, addr + len)? flags VM_MEM_READ / VM_MEM_WRITE. */
bool vm_may(struct vm_run *run, u64 addr, u64 len, u32 flags);

/* End the run with a fault that names the C line. Returns 0, for helpers to return. */
u64 vm_fault(struct vm_run *run, const char *fmt, ...) __printf(2, 3);

/* format.c: a format with the kernel's bpf_printk rules; length or -errno. */
long vm_format(struct vm_run *run, char *buf, size_t size, const char *fmt, size_t fmt_size,
	       const u64 *args, u32 nr);

const struct vm_opts *vm_options(const struct vm *vm);
const struct btf *vm_kernel_btf(const struct vm *vm);
const struct btf *vm_object_btf(const struct vm *vm);
bool vm_is_stopped(const struct vm *vm);
bool vm_is_map(const struct vm *vm, u64 ptr);        /* a map that programs may name */
struct map *vm_map_of(struct vm_run *run, u64 addr); /* in whose memory it lies; NULL: none's */
const struct prog *vm_prog_source(const struct vm_prog *prog);

/* state.c: what helpers keep for a machine: timers, allocated objects. */
struct vm_state;
int vm_state_new(struct vm *vm, struct map *const *maps, u32 nr_maps, struct vm_state **ret,
		 struct skep_diag *diag);
void vm_state_free(struct vm_state *st); /* NULL is fine */
struct vm_state *vm_state_of(const struct vm *vm);

/*
 * state.c: while a helper runs a callback, let the program touch memory that it else may not (a
 * key, a sample). False: too many at a time, and the run has a fault. Last lent, first returned.
 */
bool vm_lend(struct vm_run *run, const char *name, const void *p, size_t size, u32 flags);
void vm_take_back(struct vm_run *run);
/* guard.c: a record that this run has reserved, and must give back. False: too many. */
bool guard_add_record(struct vm_run *run, struct map *map, void *sample, u64 size);
struct map *guard_drop_record(struct vm_run *run, u64 sample); /* NULL: none of this run's */
void vm_mem_gone(struct vm_run *run);    /* guard.c: memory that the run could touch is no more */
void vm_mem_changed(struct vm_run *run); /* guard.c: env->mem is another than before */

/* helper_map.c: take a lock in the program's memory. False: nobody gives it back. */
bool vm_take_lock(struct vm_run *run, u32 *word);

/* helper_task.c: ns of a clock, the hook's or the machine's */
u64 vm_clock(struct vm_run *run, int clock);

#endif
