/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A program as the interpreter runs it, and the machine around it. Only for vm.c, prepare.c,
 * interp.c and guard.c.
 *
 * There is one vm_op for each slot of the program, so that distances stay what they are and
 * op - ops is the number of the instruction that a message names. ld_imm64 uses both of its slots:
 * the second one's `imm64` is the whole number.
 */
#ifndef VM_CODE_H
#define VM_CODE_H

#include "isa/isa.h"
#include "spec/limits.h"
#include "spec/spec.h"
#include "vm/run.h"
#include <pthread.h>

struct vm_callee;

struct vm_op {
	const void *label; /* where in the interpreter it is done */
	union {
		struct {
			u8 dst, src;
			s16 off;
			s32 imm;
		};
		u64 imm64;
		const struct vm_callee *callee;
	};
};

/* What a call of a helper or kfunc, or a kernel symbol, refers to. */
struct vm_callee {
	vm_helper_fn fn;
	const struct spec_helper *spec; /* NULL: a kfunc */
	const char *name;
	struct vm_callee *next;
};

/* Operations beyond those of the ISA: what a row becomes when more is known about it. */
enum vm_extra {
	VM_X_NONE,      /* as the row says */
	VM_X_HELPER,    /* a helper or kfunc */
	VM_X_LOOKUP,    /* bpf_map_lookup_elem: may give an inner map */
	VM_X_TAIL_CALL, /* bpf_tail_call */
	VM_X_ABSENT, /* what CO-RE or a weak symbol left behind, for code that is never reached */
	VM_X_KERNEL_SYM, /* ld_imm64 of a symbol that the world knows */
	VM_NR_EXTRA
};

/* The addresses in the interpreter: [ISA_NR_OPS + extra]; `back` for jumps that go backwards. */
struct vm_labels {
	const void *op[ISA_NR_OPS + VM_NR_EXTRA];
	const void *back[ISA_NR_OPS];
};
const struct vm_labels *vm_labels(bool guard);

struct vm_prog {
	struct vm *vm;
	const struct prog *prog;
	struct vm_op *ops;
	u32 nr_ops;
	u8 *is_func; /* per slot: a function begins here whose address is taken */
	bool probes; /* a load from a bad address gives 0, as in programs of Linux that use BTF */
	struct vm_callee *callees;
	struct vm_prog *next;
};

/* --- memory --------------------------------------------------------------------------------- */

/* What lies in a region: all of it may be touched, or what its owner has handed out. */
enum vm_region_kind {
	REGION_PLAIN,
	REGION_RING, /* only records that this run has reserved and not yet given back */
	REGION_HEAP, /* only objects that are allocated */
};

/* A piece of memory as messages name it. */
struct vm_region {
	struct vm_mem mem;
	enum vm_region_kind kind;
	const struct map *map; /* whose memory it is; NULL: somebody else's */
};

/* A record of a ring buffer that a run has reserved and must give back. */
struct vm_record {
	struct map *map;
	u64 base, size;
};

struct vm {
	struct map **maps;
	u32 nr_maps;
	struct vm_opts opts;
	struct vm_region *regions; /* sorted, without overlaps */
	size_t nr_regions, room_regions;
	struct vm_prog *progs;
	struct vm_state *state; /* the helpers' */
	_Atomic bool stop;
	/* inner maps that programs have looked up: grows while programs run */
	pthread_rwlock_t inner_lock;
	struct vm_region *inner; /* sorted */
	size_t nr_inner, room_inner;
	_Atomic bool has_inner;
};

/* What was found lately: an element or a whole region, and whether an access of 1 << i fits. */
struct vm_hit {
	u64 base;
	u64 limit[4]; /* offsets below it are good for an access of 1, 2, 4, 8 bytes */
};

#define VM_HITS 16 /* instructions that remember, by their place; a power of two */

struct vm_frame {
	const struct vm_op *ret;
	const struct vm_op *base; /* the function's first */
	struct vm_prog *prog;
	u64 saved[4]; /* r6 to r9 */
};

/* One run: what helpers see, and what they do not. */
struct vm_exec {
	struct vm_run run;
	u32 depth;   /* frames that are open */
	u32 cleared; /* frames that this run has cleared: once each, for the guard */
	u32 may_goto;
	u32 nr_records;
	u64 *stack; /* LIMIT_FRAMES frames; the first one is at its end */
	struct vm_frame frames[LIMIT_FRAMES];
	struct vm_record records[LIMIT_RECORDS];
	/* the guard's: env->mem as the hits know it, and the hits */
	u32 nr_seen;
	struct vm_mem seen[VM_ENV_MEMS];
	struct vm_hit loads[VM_HITS], stores[VM_HITS];
};

static inline struct vm_exec *vm_exec_of(struct vm_run *run)
{
	return container_of(run, struct vm_exec, run);
}

static inline u64 vm_stack_top(const struct vm_exec *x)
{
	return (u64)x->stack + LIMIT_FRAMES * LIMIT_STACK;
}

/* guard.c */
enum guard_answer {
	GUARD_FAULT,
	GUARD_OK,
	GUARD_ZERO, /* a load gives 0 */
};
int guard_init(struct vm *vm, struct skep_diag *diag);
void guard_done(struct vm *vm);
/* Look the address up and remember it in hit. A fault has been told when it is GUARD_FAULT. */
enum guard_answer guard_access(struct vm_exec *x, struct vm_hit *hit, u64 addr, u32 size,
			       u32 flags);
void guard_start(struct vm_exec *x);
/* After a helper: has it moved what the run may touch? */
void guard_refresh(struct vm_exec *x);
/* Records that the run still holds are thrown away. */
void guard_end(struct vm_exec *x);
int guard_add_heap(struct vm *vm, const struct vm_mem *mem);
/* A map that a lookup gave: programs may use it now. */
bool guard_learn_inner(struct vm_exec *x, u64 map_arg, u64 inner);

/* vm.c */
int vm_place(struct skep_diag *diag, int err, const struct prog *prog, u32 insn);
int vm_fail(struct vm_run *run, int err, const char *fmt, ...) __printf(3, 4);

/* prepare.c */
int vm_prepare(struct vm_prog *p, struct skep_diag *diag);

#endif
