/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the rooms offer each other. The order is that of a verification. */
#ifndef VERIFIER_VERIFIER_H
#define VERIFIER_VERIFIER_H

#include "verifier/live.h"
#include "verifier/log.h"
#include "verifier/reject.h"
#include <bpf/btf.h>

/* What a handler of an instruction returns besides -errno. It may set *next. */
enum { DO_NEXT = 0, DO_PATH_END = 1 };

enum reg_use { USE_SRC, USE_DST, USE_DST_KEEP };

enum access { ACCESS_READ = 1, ACCESS_WRITE = 2 };

/* subprog.c */
int subprogs_find(struct env *env);              /* add_subprog, kfuncs */
int subprogs_check(struct env *env);             /* jumps stay inside */
int subprog_at(const struct env *env, s32 insn); /* -1: none starts there */
struct subprog *subprog_of(const struct env *env, u32 insn);
int subprogs_check_stack(struct env *env);
int subprog_prepare_args(struct env *env, u32 subprog); /* from BTF; see subarg.c */

/* cfg.c */
int cfg_check(struct env *env);

/* ldimm.c: what ld_imm64 refers to; attach.c: program type, target */
int ldimm_resolve(struct env *env);
int do_ldimm(struct env *env, const struct bpf_insn *insn, s32 *next);
int attach_check(struct env *env);
int attach_lookup_ctx(struct env *env);

/* explore.c */
int explore(struct env *env, u32 subprog);
int explore_globals(struct env *env);

/* visit.c */
int visit(struct env *env); /* 1: what follows is known to be safe */
void visit_path_done(struct env *env, struct state *st);
struct state *visit_previous(struct env *env, struct state *st, s32 insn);
bool states_are_equal(struct env *env, struct state *old, struct state *cur, int exact);
/* The same up to the names of ids, which ids_forget begins anew. */
void ids_forget(struct env *env);
bool regs_are_same(struct env *env, const struct reg *old, const struct reg *cur);
enum { EQUAL_SAFE, EQUAL_EXACT, EQUAL_RANGES };

/* precise.c */
int hist_push(struct env *env, u32 flags, u64 linked);
int precise_mark(struct env *env, int regno);
int precise_join(struct env *env, const struct state *old);
void precise_forget(struct state *st);

/* regs.c */
int check_reg(struct env *env, u32 regno, enum reg_use use);
bool is_pointer_value(const struct env *env, const struct reg *r);
bool reg_is_trusted(const struct reg *r);
bool reg_not_null(const struct reg *r);
void reg_assign_id(struct env *env, struct reg *r);
void reg_invalidate(struct reg *r);
void reg_mark_not_null(struct reg *r);
const struct fields *reg_fields(struct env *env, const struct reg *r);
void clear_caller_saved(struct env *env);
void clear_pkt_pointers(struct env *env);
void mark_unknown(struct env *env, u32 regno);

/* alu.c, ptr.c, jump.c */
int do_alu(struct env *env, const struct bpf_insn *insn, s32 *next);
int do_mov(struct env *env, const struct bpf_insn *insn, s32 *next);
int do_end_neg(struct env *env, const struct bpf_insn *insn, s32 *next);
int ptr_arith(struct env *env, const struct bpf_insn *insn, const struct reg *ptr,
	      const struct reg *off);
int do_ja(struct env *env, const struct bpf_insn *insn, s32 *next);
int do_jmp(struct env *env, const struct bpf_insn *insn, s32 *next);
int do_may_goto(struct env *env, const struct bpf_insn *insn, s32 *next);
int do_exit(struct env *env, const struct bpf_insn *insn, s32 *next);
int exit_checks(struct env *env, bool exception);
int do_ldabs(struct env *env, const struct bpf_insn *insn, s32 *next);
int check_return(struct env *env, u32 regno, const char *name);

/* mem.c and mem_*.c */
int do_ldx(struct env *env, const struct bpf_insn *insn, s32 *next);
int do_st(struct env *env, const struct bpf_insn *insn, s32 *next);
int do_stx(struct env *env, const struct bpf_insn *insn, s32 *next);
int do_atomic(struct env *env, const struct bpf_insn *insn, s32 *next);
struct mem_access {
	u32 regno; /* the pointer */
	s32 off;   /* the instruction's */
	int size;
	enum access rw;
	int value;   /* register that is loaded or stored; -1: none */
	bool strict; /* alignment */
	bool sign;
};
int mem_access(struct env *env, const struct mem_access *a);
int check_ptr_off(struct env *env, const struct reg *r, u32 regno, bool fixed_ok);
int check_region(struct env *env, u32 regno, s64 off, int size, u32 mem_size, bool zero_ok);
int check_map_access(struct env *env, u32 regno, s32 off, int size, bool zero_ok, bool direct);
int check_map_rw(struct env *env, u32 regno, s32 off, int size, enum access rw);
int check_packet(struct env *env, u32 regno, s32 off, int size, bool zero_ok);
int check_buffer(struct env *env, const struct reg *r, u32 regno, s32 off, int size,
		 const char *what);
int check_kptr_value(struct env *env, const struct field *fld, const struct reg *r, u32 regno);
int mem_stack(struct env *env, const struct mem_access *a, s32 off);
int mem_map_value(struct env *env, const struct mem_access *a, s32 off);
int mem_map_ptr(struct env *env, const struct mem_access *a, s32 off);
int mem_ctx(struct env *env, const struct mem_access *a, s32 off);
int mem_sock(struct env *env, const struct mem_access *a, s32 off);
int mem_btf(struct env *env, const struct mem_access *a, s32 off);
bool pkt_may_access(struct env *env, const bool *helper_pkt, enum access rw);

/* Memory that a call gets. uninit: the callee writes it before anybody reads it. */
struct call_mem {
	bool uninit;     /* in: only written */
	bool pkt_access; /* in: the helper may take packet pointers */
	int size;        /* out: bytes of uninitialised stack that the call fills */
	u32 regno;
};
int check_call_mem(struct env *env, u32 regno, int size, enum access rw, bool zero_ok,
		   struct call_mem *cm);
int check_stack_bounds(struct env *env, u32 regno, s32 off, int size, const char *how,
		       enum access rw);
int check_stack_init(struct env *env, u32 regno, s32 off, int size, bool zero_ok, bool direct,
		     struct call_mem *cm);

/* btfwalk.c */
enum walk_end { WALK_SCALAR, WALK_PTR, WALK_STRUCT };
int btf_access(struct env *env, const struct reg *r, s32 off, int size, u32 *ret_id, u32 *ret_flags,
	       const char **ret_field); /* REG_SCALAR, REG_BTF, or -errno */
bool btf_ids_match(struct env *env, const struct btf *btf, u32 id, s32 off,
		   const struct btf *need_btf, u32 need_id, bool strict, bool flex);
bool btf_is_nested_trusted(struct env *env, const struct reg *r, const char *field, u32 id,
			   const char *suffix);
const char *btf_kind_text(const struct btf_type *t);

/* ctx.c */
struct ctx_info {
	u32 type; /* what a load gives */
	const struct btf *btf;
	u32 btf_id;
	bool is_retval;
};
bool ctx_is_valid(struct env *env, s32 off, int size, enum access rw, bool sign,
		  struct ctx_info *ret);
bool sock_is_valid(struct env *env, u32 kind, s32 off, int size);
bool ctx_is_read_as_is(const struct env *env); /* no conversion: a helper may read it */
bool sk_write_is_valid(struct env *env, const struct reg *r, s32 off, int size);

/* refs.c */
int release_ref(struct env *env, u32 id);
int check_leaks(struct env *env, bool exception);
void clear_non_owning(struct env *env);

/* call.c */
int do_call(struct env *env, const struct bpf_insn *insn, s32 *next);
int leave_frame(struct env *env, s32 *next);
typedef int (*callee_fn)(struct env *env, const struct frame *caller, struct frame *callee,
			 s32 insn);
int push_callback(struct env *env, u32 subprog, callee_fn set, bool is_async, bool sleepable);
int do_helper(struct env *env, const struct bpf_insn *insn, s32 *next);
int do_kfunc(struct env *env, const struct bpf_insn *insn, s32 *next);
int widen_scalars(struct env *env, struct state *old, struct state *cur);
int reject_range(struct env *env, const struct reg *r, s32 min, s32 max, const char *where,
		 const char *name);

#endif
