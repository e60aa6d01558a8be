/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Everything that one verification has. One struct, made by verify(), passed to every room.
 *
 * Conventions: functions return 0 or -errno, and who returns an error has told why (reject_*).
 * check_x may refuse and writes no state; mark_x writes; do_x is an instruction, both.
 */
#ifndef VERIFIER_ENV_H
#define VERIFIER_ENV_H

#include "base/arena.h"
#include "base/strbuf.h"
#include "isa/isa.h"
#include "spec/spec.h"
#include "verifier/fields.h"
#include "verifier/state.h"
#include "verifier/verify.h"
#include <bpf/btf.h>
#include <errno.h>

/* A map, as the verifier sees it. */
struct vmap {
	u32 idx;
	const struct map_def *def;
	const u8 *data; /* constant contents */
	size_t data_size;
	const struct fields *fields; /* special fields of the value; NULL: none */
	const struct vmap *inner;    /* of a map of maps: what its entries look like */
};

enum call_kind { CALL_HELPER, CALL_KFUNC, CALL_SUBPROG };

struct insn_aux {
	u16 op; /* enum isa_op */
	bool seen;
	bool prune_point, jmp_point, force_checkpoint;
	bool calls_callback, is_iter_next;
	u32 ptr_type;           /* of a memory access: what all paths had */
	const struct vmap *map; /* of a ld_imm64, or of a call's first map */
	bool map_poisoned;      /* several */
	u32 map_off;
	u32 key; /* constant key of a call, 1 + key; 0: unseen */
	bool key_poisoned;
	struct { /* ld_imm64 of a kernel variable */
		u32 type;
		u32 mem_size, btf_id;
	} var;
	const struct kfunc *kfunc; /* of a call */
	u32 arg_struct_id;         /* kfunc: bpf_obj_new's type */
};

enum arg_check { /* what an argument of a global function is */
		 SUBARG_ANYTHING,
		 SUBARG_CTX,
		 SUBARG_MEM,
		 SUBARG_DYNPTR,
		 SUBARG_BTF,
		 SUBARG_ARENA,
};

struct subprog_arg {
	enum arg_check check;
	u32 flags; /* REG_MAYBE_NULL, REG_TRUSTED, … */
	u32 mem_size, btf_id;
};

struct subprog {
	u32 start, end;
	const char *name;
	u32 type_id; /* FUNC in the object's BTF */
	bool is_global;
	bool has_tail_call, has_ld_abs, changes_pkt;
	bool is_cb, is_async_cb, is_exception_cb;
	bool called, verified, unreliable, args_done;
	int args_err;
	u32 nr_args;
	struct subprog_arg args[5];
	s32 stack_depth;
};

/* A line of the path since a checkpoint that is not simply the next instruction. */
struct hist {
	s32 idx, prev;
	u32 flags; /* HIST_* */
	u64 linked;
};
enum {
	HIST_FRAME_MASK = 7,
	HIST_SLOT_SHIFT = 3,
	HIST_SLOT_MASK = 63,
	HIST_STACK_ACCESS = 1 << 9,
	HIST_DST_STACK = 1 << 10,
	HIST_SRC_STACK = 1 << 11,
};

struct id_pair {
	u32 old_id, cur_id;
};
#define ENV_ID_PAIRS ((STATE_NR_REGS + STATE_NR_SLOTS) * STATE_MAX_FRAMES)

struct backtrack {
	u32 frame;
	u32 regs[STATE_MAX_FRAMES];
	u64 slots[STATE_MAX_FRAMES];
};

struct attach_info {      /* what the program is attached to, as far as verdicts depend on it */
	const char *name; /* of the function, tracepoint, hook, iterator */
	u32 proto_id;     /* FUNC_PROTO in the kernel's BTF; 0: none */
	bool is_void, is_trusted, is_tcp_ca;
	bool has_ret_range; /* of an LSM hook */
	s32 ret_min, ret_max;
};

struct env {
	const struct prog *prog;
	const struct verify_opts *opts;
	const struct bpf_insn *insns;
	u32 nr;
	u32 prog_type, attach_type; /* the target's for an extension */
	bool gpl, sleepable, strict_align, many_states;
	const struct btf *btf, *kbtf;
	struct arena arena;
	struct insn_aux *aux;
	struct vmap *maps;
	u32 nr_maps;
	const struct vmap *arena_map;
	struct subprog *subprogs;
	u32 nr_subprogs;
	struct attach_info attach;
	u32 exception_subprog;

	/* the path */
	struct state *cur;
	s32 insn, prev_insn;
	struct state *pending;
	u32 nr_pending;
	struct state **explored; /* by instruction */
	struct state *dropped;   /* checkpoints that no list has any more */
	struct reg any_number;
	u32 id_gen;
	struct hist *hist;
	u32 room_hist;
	struct hist *cur_hist; /* of the current instruction */
	struct backtrack bt;
	struct id_pair ids[ENV_ID_PAIRS];
	u32 ids_tmp;
	u32 jmps, prev_jmps, prev_processed;
	struct frame *free_frames;
	struct state *free_states;
	size_t memory; /* bytes of states held */

	/* telling */
	u64 start; /* ns */
	struct verify_result *res;
	struct strbuf log;
	u32 log_level;
	u32 scratched_regs;
	u64 scratched_slots;
	size_t log_insn_end; /* where the instruction's line ends */
	u32 log_insn_len;
	const struct prog_line *log_line;

	struct hash_table *fields_cache; /* fields.c */
};

static inline struct frame *env_frame(const struct env *env)
{
	return env->cur->frames[env->cur->cur];
}

static inline struct reg *env_regs(const struct env *env)
{
	return env_frame(env)->regs;
}

static inline struct frame *env_frame_of(const struct env *env, const struct reg *r)
{
	return env->cur->frames[r->frame];
}

static inline u32 env_new_id(struct env *env)
{
	return ++env->id_gen;
}

static inline bool env_in_sleepable(const struct env *env)
{
	return env->sleepable || (env->cur && env->cur->in_sleepable);
}

/* Whether the kernel has a type or a function of that name: what its configuration leaves out is
 * not there. */
static inline bool kernel_has(const struct env *env, const char *name, u32 kind)
{
	return env->kbtf && btf__find_by_name_kind(env->kbtf, name, kind) > 0;
}

static inline bool env_in_rcu(const struct env *env)
{
	return env->cur->rcu || env->cur->lock || !env_in_sleepable(env);
}

#endif
