/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ld_imm64: numbers, maps, addresses in map values, kernel variables, functions. What one refers
 * to is found once, before the exploration. */
#include "btf/types.h"
#include "isa/row.h"
#include "verifier/verifier.h"
#include <string.h>

#define MAX_VAR_OFF (1 << 29)

/* --- maps ------------------------------------------------------------------------------------ */

static bool is_tracing(u32 type)
{
	return type == SPEC_PROG_KPROBE || type == SPEC_PROG_TRACEPOINT ||
	       type == SPEC_PROG_PERF_EVENT || type == SPEC_PROG_RAW_TRACEPOINT ||
	       type == SPEC_PROG_RAW_TRACEPOINT_WRITABLE;
}

static bool is_for_sleepable(u32 map_type)
{
	static const u8 types[] = {
		SPEC_MAP_HASH,          SPEC_MAP_LRU_HASH,      SPEC_MAP_ARRAY,
		SPEC_MAP_PERCPU_HASH,   SPEC_MAP_PERCPU_ARRAY,  SPEC_MAP_LRU_PERCPU_HASH,
		SPEC_MAP_ARRAY_OF_MAPS, SPEC_MAP_HASH_OF_MAPS,  SPEC_MAP_RINGBUF,
		SPEC_MAP_USER_RINGBUF,  SPEC_MAP_INODE_STORAGE, SPEC_MAP_SK_STORAGE,
		SPEC_MAP_TASK_STORAGE,  SPEC_MAP_CGRP_STORAGE,  SPEC_MAP_QUEUE,
		SPEC_MAP_STACK,         SPEC_MAP_ARENA,
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i] == map_type)
			return true;
	return false;
}

static int check_compatible(struct env *env, const struct vmap *map)
{
	bool tracing = is_tracing(env->prog_type);

	if (tracing && fields_have(map->fields, FIELD_GRAPH_ROOT))
		return reject_tracing_graph(env);
	if (fields_have(map->fields, FIELD_SPIN_LOCK) && env->prog_type == SPEC_PROG_SOCKET_FILTER)
		return reject_socket_filter_lock(env);
	if (tracing && fields_have(map->fields, FIELD_SPIN_LOCK))
		return reject_tracing_lock(env);
	if (tracing && fields_have(map->fields, FIELD_TIMER))
		return reject_tracing_timer(env);
	if (tracing && fields_have(map->fields, FIELD_WORKQUEUE))
		return reject_tracing_wq(env);
	if (map->def->type == SPEC_MAP_STRUCT_OPS)
		return reject_struct_ops_map(env);
	if (env->sleepable && !is_for_sleepable(map->def->type))
		return reject_sleepable_map(env);
	return 0;
}

static int check_value(struct env *env, const struct vmap *map, u32 off)
{
	const struct map_def *def = map->def;

	if (off >= MAX_VAR_OFF)
		return reject_direct_off(env, off);
	if (def->type == SPEC_MAP_ARENA)
		return 0;
	if (def->type != SPEC_MAP_ARRAY && def->type != SPEC_MAP_INSN_ARRAY)
		return reject_no_direct_value(env);
	if (def->max_entries != 1 || off >= def->value_size)
		return reject_direct_value(env, def->value_size, off);
	return 0;
}

static int resolve_map(struct env *env, u32 i)
{
	const struct bpf_insn *insn = &env->insns[i];
	u16 op = env->aux[i].op;
	const struct vmap *map;
	int err;

	/* A number that no relocation wrote names a descriptor, and a program has none. */
	if ((u32)insn->imm >= env->nr_maps || !prog_ref_at(env->prog, i))
		return reject_bad_map(env, insn->imm);
	map = &env->maps[insn->imm];
	err = check_compatible(env, map);
	if (err)
		return err;
	env->aux[i].map = map;
	if (op == ISA_LDDW_VALUE || op == ISA_LDDW_VALUE_IDX) {
		env->aux[i].map_off = (u32)insn[1].imm;
		err = check_value(env, map, (u32)insn[1].imm);
	}
	if (!err && map->def->type == SPEC_MAP_ARENA) {
		if (env->arena_map && env->arena_map != map)
			return reject_two_arenas(env);
		env->arena_map = map;
	}
	return err;
}

/* --- kernel variables ------------------------------------------------------------------------ */

static bool is_percpu(const struct env *env, u32 var)
{
	u32 id = types_find(env->kbtf, ".data..percpu", BTF_KIND_DATASEC);
	const struct btf_type *t = id ? btf__type_by_id(env->kbtf, id) : NULL;

	for (u32 i = 0; t && i < btf_vlen(t); i++)
		if (btf_var_secinfos(t)[i].type == var)
			return true;
	return false;
}

static int resolve_ksym(struct env *env, u32 i)
{
	const struct prog_ref *ref = prog_ref_at(env->prog, i);
	struct insn_aux *aux = &env->aux[i];
	u32 id = (u32)env->insns[i].imm, type;
	const struct btf_type *t;

	if (ref && ref->absent) { /* weak and not there: the number 0 */
		aux->var.type = REG_SCALAR;
		return 0;
	}
	if (!env->kbtf)
		return reject_no_kernel_btf(env);
	t = id ? btf__type_by_id(env->kbtf, id) : NULL;
	if (!t)
		return reject_ksym_id(env, id);
	if (btf_is_func(t)) {
		aux->var.type = REG_MEM | REG_RDONLY;
		return 0;
	}
	if (!btf_is_var(t))
		return reject_ksym_kind(env, id);
	type = types_skip(env->kbtf, t->type);
	aux->var.btf_id = type;
	aux->var.type = REG_BTF;
	if (is_percpu(env, id)) {
		aux->var.type |= REG_PERCPU;
		aux->var.btf_id = t->type;
	} else if (!btf_is_composite(btf__type_by_id(env->kbtf, type))) {
		aux->var.type = REG_MEM | REG_RDONLY;
		aux->var.mem_size = types_size(env->kbtf, type);
		if (!aux->var.mem_size)
			return reject_ksym_size(env, types_name(env->kbtf, type), -EINVAL);
	}
	return 0;
}

/* --- the pass -------------------------------------------------------------------------------- */

static int check_opcode(struct env *env, u32 i)
{
	const struct bpf_insn *insn = &env->insns[i];
	u8 mode = BPF_MODE(insn->code);

	if (BPF_CLASS(insn->code) == BPF_LDX &&
	    ((mode != BPF_MEM && mode != BPF_MEMSX) || insn->imm))
		return reject_ldx_reserved(env);
	if (env->aux[i].op == ISA_INVALID && isa_next_row(insn->code, ISA_INVALID) == ISA_INVALID)
		return reject_unknown_opcode(env, insn->code);
	return 0;
}

static int resolve_one(struct env *env, u32 i)
{
	switch (env->aux[i].op) {
	case ISA_LDDW_MAP:
	case ISA_LDDW_VALUE:
	case ISA_LDDW_MAP_IDX:
	case ISA_LDDW_VALUE_IDX:
		return resolve_map(env, i);
	case ISA_LDDW_BTF:
		return resolve_ksym(env, i);
	case ISA_INVALID:
		return reject_bad_ldimm64(env);
	default:
		return 0;
	}
}

int ldimm_resolve(struct env *env)
{
	int err = 0;

	for (u32 i = 0; !err && i < env->nr; i++) {
		env->insn = (s32)i;
		if (isa_nr_slots(&env->insns[i]) == 2)
			err = resolve_one(env, i++);
		else
			err = check_opcode(env, i);
	}
	if (!err)
		env->insn = 0;
	return err;
}

static int load_func(struct env *env, const struct bpf_insn *insn, struct reg *d)
{
	int sub = subprog_at(env, env->insn + insn->imm + 1);

	if (sub < 0 || !env->subprogs[sub].type_id)
		return reject_no_func_info(env);
	if (env->subprogs[sub].is_global)
		return reject_callback_global(env);
	if (!sub)
		return reject_callback_main(env);
	reg_set_pointer(d, REG_FUNC);
	d->subprog = (u32)sub;
	return 0;
}

static void load_var(struct env *env, const struct insn_aux *aux, struct reg *d)
{
	if (aux->var.type == REG_SCALAR) {
		reg_set_const(d, 0);
		return;
	}
	reg_set_pointer(d, aux->var.type);
	if (reg_kind(d) == REG_MEM) {
		d->mem_size = aux->var.mem_size;
		return;
	}
	d->btf = env->kbtf;
	d->btf_id = types_skip(env->kbtf, aux->var.btf_id);
}

int do_ldimm(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	const struct insn_aux *aux = &env->aux[env->insn];
	struct reg *d = &env_regs(env)[insn->dst_reg];
	int err = check_reg(env, insn->dst_reg, USE_DST);

	if (err)
		return err;
	switch (aux->op) {
	case ISA_LDDW:
		reg_set_const(d, (u64)(u32)insn->imm | (u64)(u32)insn[1].imm << 32);
		return 0;
	case ISA_LDDW_BTF:
		load_var(env, aux, d);
		return 0;
	case ISA_LDDW_FUNC:
		return load_func(env, insn, d);
	case ISA_LDDW_MAP:
	case ISA_LDDW_MAP_IDX:
		reg_set_pointer(d, REG_MAP_PTR);
		d->map = aux->map;
		return 0;
	default:
		if (aux->map->def->type == SPEC_MAP_ARENA) {
			reg_set_unknown(d);
			return 0;
		}
		reg_set_pointer(d, REG_MAP_VALUE);
		d->map = aux->map;
		d->off = (s32)aux->map_off;
		return 0;
	}
}
