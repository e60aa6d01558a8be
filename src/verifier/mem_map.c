/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Values of maps: special fields are out of bounds, kptrs are loaded and stored whole, and the
 * contents of a map that nobody can write are constants. struct bpf_map itself may be read. */
#include "btf/types.h"
#include "verifier/verifier.h"
#include <string.h>

int check_map_rw(struct env *env, u32 regno, s32 off, int size, enum access rw)
{
	const struct map_def *def = env_regs(env)[regno].map->def;

	if (rw == ACCESS_WRITE && (def->flags & BPF_F_RDONLY_PROG))
		return reject_map_write(env, def->value_size, off, size);
	if (rw == ACCESS_READ && (def->flags & BPF_F_WRONLY_PROG))
		return reject_map_read(env, def->value_size, off, size);
	return 0;
}

static int check_kptr_place(struct env *env, const struct reg *r, const struct field *fld, s32 off,
			    int size, bool direct)
{
	if (!direct)
		return reject_kptr_helper(env);
	if (!tnum_is_const(r->v.t))
		return reject_kptr_variable(env);
	if (fld->off != (u64)off + r->v.t.value)
		return reject_kptr_misaligned(env, fld->off,
					      (unsigned long long)((u64)(s64)off + r->v.t.value));
	if (size != 8)
		return reject_kptr_size(env);
	return 0;
}

int check_map_access(struct env *env, u32 regno, s32 off, int size, bool zero_ok, bool direct)
{
	const struct reg *r = &env_regs(env)[regno];
	const struct fields *fs = r->map->fields;
	int err = check_region(env, regno, off, size, r->map->def->value_size, zero_ok);

	for (u32 i = 0; !err && fs && i < fs->nr; i++) {
		const struct field *fld = &fs->f[i];

		if (r->v.r.smin + off >= (s64)fld->off + fld->size ||
		    fld->off >= r->v.r.umax + (u64)(s64)off + (u64)size)
			continue;
		if (fld->kind & FIELD_KPTR)
			err = check_kptr_place(env, r, fld, off, size, direct);
		else
			err = reject_field_access(env, field_text(fld->kind));
	}
	return err;
}

/* --- kptrs ----------------------------------------------------------------------------------- */

static const struct fields *pointee_fields(struct env *env, const struct field *fld)
{
	return fld->btf == env->kbtf ? NULL : fields_of(env, fld->btf, fld->btf_id);
}

static bool is_rcu_protected(const struct env *env, const struct field *fld)
{
	static const char *const types[] = {"prog_test_ref_kfunc", "cgroup", "bpf_cpumask",
					    "task_struct", "bpf_crypto_ctx"};
	const char *name = types_name(fld->btf, fld->btf_id);

	if (fld->btf != env->kbtf)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(name, types[i]))
			return true;
	return false;
}

static u32 loaded_flags(struct env *env, const struct field *fld)
{
	bool safe = fld->kind == FIELD_KPTR_PERCPU ||
		    (fld->kind == FIELD_KPTR_REF && is_rcu_protected(env, fld));
	u32 flags = REG_MAYBE_NULL;

	if (!safe || !env_in_rcu(env))
		return flags | REG_UNTRUSTED;
	flags |= REG_RCU;
	if (fld->kind == FIELD_KPTR_PERCPU)
		flags |= REG_PERCPU;
	else if (fld->btf != env->kbtf)
		flags |= REG_ALLOC;
	if (fields_have(pointee_fields(env, fld), FIELD_GRAPH_NODE))
		flags |= REG_NON_OWN;
	return flags;
}

static int bad_kptr(struct env *env, const struct field *fld, const struct reg *r, u32 regno)
{
	const char *want = types_name(fld->btf, fld->btf_id);
	const char *is = reg_kind(r) == REG_BTF ? types_name(r->btf, r->btf_id) : "";
	char text[REG_TEXT_SIZE];

	reg_type_text(text, r->type);
	if (fld->kind == FIELD_KPTR_UNREF)
		return reject_kptr_type_untrusted(env, (int)regno, text, is, want, want);
	return reject_kptr_type(env, (int)regno, text, is, want);
}

int check_kptr_value(struct env *env, const struct field *fld, const struct reg *r, u32 regno)
{
	bool kernel = reg_kind(r) == REG_BTF && r->btf == env->kbtf;
	u32 ok, flags = r->type & ~REG_KIND_MASK;

	if (reg_kind(r) != REG_BTF)
		return bad_kptr(env, fld, r, regno);
	if (kernel)
		ok = REG_MAYBE_NULL | REG_TRUSTED | REG_RCU |
		     (fld->kind == FIELD_KPTR_UNREF ? REG_UNTRUSTED : 0);
	else
		ok = REG_MAYBE_NULL | REG_ALLOC | (fld->kind == FIELD_KPTR_PERCPU ? REG_PERCPU : 0);
	if ((flags & ~ok) || (fld->kind == FIELD_KPTR_PERCPU) != !!(flags & REG_PERCPU))
		return bad_kptr(env, fld, r, regno);
	if (check_ptr_off(env, r, regno, true))
		return -EACCES;
	if (!btf_ids_match(env, r->btf, r->btf_id, r->off, fld->btf, fld->btf_id,
			   fld->kind != FIELD_KPTR_UNREF, !(r->type & REG_ALLOC)))
		return bad_kptr(env, fld, r, regno);
	return 0;
}

static int kptr_access(struct env *env, const struct mem_access *a, const struct field *fld)
{
	const struct bpf_insn *insn = &env->insns[env->insn];
	u8 class = BPF_CLASS(insn->code);
	struct reg *r = a->value >= 0 ? &env_regs(env)[a->value] : NULL;

	if (BPF_MODE(insn->code) != BPF_MEM)
		return reject_kptr_mode(env);
	if (class != BPF_LDX && fld->kind != FIELD_KPTR_UNREF)
		return reject_kptr_store(env);
	if (class == BPF_LDX) {
		reg_set_btf(r, fld->btf, fld->btf_id, loaded_flags(env, fld));
		r->id = env_new_id(env);
		return 0;
	}
	if (class == BPF_ST)
		return insn->imm ? reject_kptr_imm(env, fld->off) : 0;
	if (reg_is_null(r))
		return precise_mark(env, a->value);
	return check_kptr_value(env, fld, r, (u32)a->value);
}

/* --- loads and stores ------------------------------------------------------------------------ */

static bool constant_value(const struct vmap *map, u64 off, const struct mem_access *a, u64 *ret)
{
	u64 x = 0;

	if (!map->data || !in_bounds(off, (u64)a->size, map->data_size))
		return false;
	memcpy(&x, map->data + off, (size_t)a->size);
	*ret = a->sign ? (u64)range_s(x, a->size * 8) : x;
	return true;
}

int mem_map_value(struct env *env, const struct mem_access *a, s32 off)
{
	const struct reg *r = &env_regs(env)[a->regno];
	bool fixed = tnum_is_const(r->v.t);
	u64 at = (u64)(s64)off + r->v.t.value, x;
	const struct vmap *map = r->map;
	const struct field *fld = NULL;
	int err = check_map_rw(env, a->regno, off, a->size, a->rw);

	if (!err)
		err = check_map_access(env, a->regno, off, a->size, false, true);
	if (err)
		return err;
	if (fixed)
		fld = fields_find(map->fields, (u32)at, FIELD_KPTR);
	if (fld)
		return kptr_access(env, a, fld);
	if (a->rw != ACCESS_READ || a->value < 0)
		return 0;
	if (fixed && constant_value(map, at, a, &x))
		reg_set_const(&env_regs(env)[a->value], x);
	else
		mark_unknown(env, (u32)a->value);
	return 0;
}

/* struct bpf_array and kin: read as the kernel's BTF describes them. */
static const char *map_struct(u32 type)
{
	switch (type) {
	case SPEC_MAP_ARRAY:
	case SPEC_MAP_PERCPU_ARRAY:
	case SPEC_MAP_PERF_EVENT_ARRAY:
	case SPEC_MAP_PROG_ARRAY:
	case SPEC_MAP_CGROUP_ARRAY:
	case SPEC_MAP_ARRAY_OF_MAPS:
		return "bpf_array";
	case SPEC_MAP_HASH:
	case SPEC_MAP_LRU_HASH:
	case SPEC_MAP_PERCPU_HASH:
	case SPEC_MAP_LRU_PERCPU_HASH:
	case SPEC_MAP_HASH_OF_MAPS:
		return "bpf_htab";
	case SPEC_MAP_LPM_TRIE:
		return "lpm_trie";
	case SPEC_MAP_RINGBUF:
	case SPEC_MAP_USER_RINGBUF:
		return "bpf_ringbuf_map";
	case SPEC_MAP_QUEUE:
	case SPEC_MAP_STACK:
		return "bpf_queue_stack";
	case SPEC_MAP_STACK_TRACE:
		return "bpf_stack_map";
	case SPEC_MAP_SOCKMAP:
		return "bpf_stab";
	case SPEC_MAP_SOCKHASH:
		return "bpf_shtab";
	case SPEC_MAP_DEVMAP:
	case SPEC_MAP_DEVMAP_HASH:
		return "bpf_dtab";
	case SPEC_MAP_CPUMAP:
		return "bpf_cpu_map";
	case SPEC_MAP_XSKMAP:
		return "xsk_map";
	case SPEC_MAP_REUSEPORT_SOCKARRAY:
		return "reuseport_array";
	case SPEC_MAP_SK_STORAGE:
	case SPEC_MAP_TASK_STORAGE:
	case SPEC_MAP_INODE_STORAGE:
	case SPEC_MAP_CGRP_STORAGE:
		return "bpf_local_storage_map";
	case SPEC_MAP_CGROUP_STORAGE:
	case SPEC_MAP_PERCPU_CGROUP_STORAGE:
		return "bpf_cgroup_storage_map";
	case SPEC_MAP_BLOOM_FILTER:
		return "bpf_bloom_filter";
	case SPEC_MAP_ARENA:
		return "bpf_arena";
	default:
		return NULL;
	}
}

int mem_map_ptr(struct env *env, const struct mem_access *a, s32 off)
{
	struct reg *r = &env_regs(env)[a->regno], as;
	const char *name = map_struct(r->map->def->type), *field = NULL;
	u32 id = name && env->kbtf ? types_find(env->kbtf, name, BTF_KIND_STRUCT) : 0, flags = 0;
	int ret;

	if (!id)
		return reject_map_ptr_type(env, r->map->def->type);
	if (off < 0)
		return reject_map_ptr_negative(env, (int)a->regno, name, off);
	if (a->rw != ACCESS_READ)
		return reject_map_ptr_write(env, name);
	reg_set_btf(&as, env->kbtf, id, 0);
	ret = btf_access(env, &as, off, a->size, &id, &flags, &field);
	if (ret < 0)
		return ret;
	if (a->value < 0)
		return 0;
	r = &env_regs(env)[a->value];
	if (ret == REG_SCALAR) {
		reg_set_unknown(r);
		return 0;
	}
	reg_set_btf(r, env->kbtf, id, flags);
	if (flags & REG_MAYBE_NULL)
		r->id = env_new_id(env);
	return 0;
}
