/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Loads and stores. mem_kinds[] says who judges an access through which kind of pointer; here is
 * what is common: alignment, what is loaded, and regions of known size.
 */
#include "verifier/verifier.h"

#define MAX_VAR_OFF (1 << 29)

static int access_size(const struct bpf_insn *insn)
{
	static const int sizes[] = {
		[BPF_W >> 3] = 4, [BPF_H >> 3] = 2, [BPF_B >> 3] = 1, [BPF_DW >> 3] = 8};

	return sizes[BPF_SIZE(insn->code) >> 3];
}

static int check_alignment(struct env *env, const struct reg *r, const struct mem_access *a)
{
	bool is_pkt = reg_is_pkt(r);
	s64 by = (s64)r->off + a->off + (is_pkt ? 2 : 0);
	char text[48];

	if ((!a->strict && !env->strict_align && r->type != REG_STACK) || a->size == 1 ||
	    r->type == REG_ARENA ||
	    tnum_is_aligned(tnum_add(r->v.t, tnum_const((u64)by)), (u64)a->size))
		return 0;
	log_tnum(text, r->v.t);
	if (is_pkt)
		return reject_misaligned_packet(env, 2, text, r->off, a->off, a->size);
	return reject_misaligned(env, reg_align_text(r->type), text, r->off, a->off, a->size);
}

static int outside(struct env *env, u32 regno, s64 off, int size, u32 mem_size)
{
	const struct reg *r = &env_regs(env)[regno];

	switch (r->type) {
	case REG_MAP_KEY:
		return reject_map_key_oob(env, (int)mem_size, (int)off, size);
	case REG_MAP_VALUE:
		return reject_map_value_oob(env, (int)mem_size, (int)off, size);
	case REG_PKT:
	case REG_PKT_META:
		return reject_packet_oob(env, (int)off, size, (int)regno, (int)r->id, (int)off,
					 (int)mem_size);
	default:
		return reject_mem_oob(env, mem_size, (int)off, size);
	}
}

static int check_fixed(struct env *env, u32 regno, s64 off, int size, u32 mem_size, bool zero_ok)
{
	bool size_ok = size > 0 || (!size && zero_ok);

	if (off >= 0 && size_ok && (u64)off + (u64)size <= mem_size)
		return 0;
	return outside(env, regno, off, size, mem_size);
}

int check_region(struct env *env, u32 regno, s64 off, int size, u32 mem_size, bool zero_ok)
{
	const struct reg *r = &env_regs(env)[regno];
	s64 smin = r->v.r.smin;

	if (smin < 0 && (smin == INT64_MIN || off + smin != (s32)(off + smin) || off + smin < 0))
		return reject_min_negative(env, (int)regno);
	if (check_fixed(env, regno, smin + off, size, mem_size, zero_ok))
		return reject_min_oob(env, (int)regno);
	if (r->v.r.umax >= MAX_VAR_OFF)
		return reject_unbounded_access(env, (int)regno);
	if (check_fixed(env, regno, (s64)r->v.r.umax + off, size, mem_size, zero_ok))
		return reject_max_oob(env, (int)regno);
	return 0;
}

int check_packet(struct env *env, u32 regno, s32 off, int size, bool zero_ok)
{
	const struct reg *r = &env_regs(env)[regno];

	if (r->v.r.smin < 0)
		return reject_min_negative(env, (int)regno);
	if (r->range < 0)
		return reject_packet_outside_end(env, (int)regno);
	if (check_fixed(env, regno, off, size, (u32)r->range, zero_ok))
		return reject_packet_outside(env, (int)regno);
	return 0;
}

int check_ptr_off(struct env *env, const struct reg *r, u32 regno, bool fixed_ok)
{
	char text[REG_TEXT_SIZE], t[48];

	reg_type_text(text, r->type);
	if (r->off < 0)
		return reject_ptr_negative_off(env, text, (int)regno, r->off);
	if (!fixed_ok && r->off)
		return reject_ptr_modified(env, text, (int)regno, r->off);
	if (!tnum_is(r->v.t, 0))
		return reject_ptr_variable(env, text, log_tnum(t, r->v.t));
	return 0;
}

int check_buffer(struct env *env, const struct reg *r, u32 regno, s32 off, int size,
		 const char *what)
{
	char t[48];

	if (off < 0)
		return reject_buffer_negative(env, (int)regno, what, off, size);
	if (!tnum_is(r->v.t, 0))
		return reject_buffer_variable(env, (int)regno, what, off, log_tnum(t, r->v.t));
	return 0;
}

/* --- kinds of little that need no file ------------------------------------------------------- */

static int leak(struct env *env, const struct mem_access *a, const char *into)
{
	if (a->rw == ACCESS_WRITE && a->value >= 0 &&
	    is_pointer_value(env, &env_regs(env)[a->value]))
		return reject_leak(env, a->value, into);
	return 0;
}

static void loaded(struct env *env, const struct mem_access *a)
{
	if (a->rw == ACCESS_READ && a->value >= 0)
		mark_unknown(env, (u32)a->value);
}

static int readonly(struct env *env, const struct mem_access *a)
{
	char text[REG_TEXT_SIZE];

	if (a->rw == ACCESS_READ)
		return 0;
	return reject_write_readonly(env, (int)a->regno,
				     reg_type_text(text, env_regs(env)[a->regno].type));
}

static int mem_key(struct env *env, const struct mem_access *a, s32 off)
{
	const struct reg *r = &env_regs(env)[a->regno];
	int err;

	if (a->rw == ACCESS_WRITE)
		return reject_key_write(env, (int)a->regno);
	err = check_region(env, a->regno, off, a->size, r->map->def->key_size, false);
	if (!err)
		loaded(env, a);
	return err;
}

static int invalid(struct env *env, const struct mem_access *a)
{
	char text[REG_TEXT_SIZE];

	return reject_mem_kind(env, (int)a->regno,
			       reg_type_text(text, env_regs(env)[a->regno].type));
}

static int mem_mem(struct env *env, const struct mem_access *a, s32 off)
{
	const struct reg *r = &env_regs(env)[a->regno];
	int err = 0;

	if (r->type & REG_RDONLY)
		err = readonly(env, a);
	if (!err)
		err = leak(env, a, "mem");
	if (!err)
		err = check_region(env, a->regno, off, a->size, r->mem_size, false);
	if (!err)
		loaded(env, a);
	return err;
}

static int mem_pkt(struct env *env, const struct mem_access *a, s32 off)
{
	int err;

	if (a->rw == ACCESS_WRITE && !pkt_may_access(env, NULL, ACCESS_WRITE))
		return reject_packet_write(env);
	err = leak(env, a, "packet");
	if (!err)
		err = check_packet(env, a->regno, off, a->size, false);
	if (!err)
		loaded(env, a);
	return err;
}

#define FLOW_KEYS_SIZE 56 /* sizeof(struct bpf_flow_keys) */

static int mem_flow_keys(struct env *env, const struct mem_access *a, s32 off)
{
	int err = leak(env, a, "flow keys");

	if (!err && (off < 0 || off + a->size > FLOW_KEYS_SIZE))
		err = reject_flow_keys(env, off, a->size);
	if (!err)
		loaded(env, a);
	return err;
}

static int mem_tp_buffer(struct env *env, const struct mem_access *a, s32 off)
{
	int err = check_buffer(env, &env_regs(env)[a->regno], a->regno, off, a->size, "tracepoint");

	if (!err)
		loaded(env, a);
	return err;
}

static int mem_buf(struct env *env, const struct mem_access *a, s32 off)
{
	const struct reg *r = &env_regs(env)[a->regno];
	bool rdonly = r->type & REG_RDONLY;
	int err = rdonly ? readonly(env, a) : 0;

	if (!err)
		err = check_buffer(env, r, a->regno, off, a->size, rdonly ? "rdonly" : "rdwr");
	if (!err)
		loaded(env, a);
	return err;
}

static int mem_arena(struct env *env, const struct mem_access *a, s32 off)
{
	loaded(env, a);
	return 0;
}

/* --- dispatch -------------------------------------------------------------------------------- */

static int (*const mem_kinds[REG_NR_KINDS])(struct env *, const struct mem_access *, s32 off) = {
	[REG_CTX] = mem_ctx,
	[REG_MAP_PTR] = mem_map_ptr,
	[REG_MAP_VALUE] = mem_map_value,
	[REG_MAP_KEY] = mem_key,
	[REG_STACK] = mem_stack,
	[REG_PKT_META] = mem_pkt,
	[REG_PKT] = mem_pkt,
	[REG_FLOW_KEYS] = mem_flow_keys,
	[REG_SOCK] = mem_sock,
	[REG_SOCK_COMMON] = mem_sock,
	[REG_TCP_SOCK] = mem_sock,
	[REG_XDP_SOCK] = mem_sock,
	[REG_TP_BUFFER] = mem_tp_buffer,
	[REG_BTF] = mem_btf,
	[REG_MEM] = mem_mem,
	[REG_BUF] = mem_buf,
	[REG_ARENA] = mem_arena,
};

int mem_access(struct env *env, const struct mem_access *a)
{
	struct reg *regs = env_regs(env), *r = &regs[a->regno];
	u32 kind = reg_kind(r);
	s64 off = (s64)a->off + r->off;
	int err = check_alignment(env, r, a);

	if (err)
		return err;
	if (off != (s32)off || !mem_kinds[kind] || (r->type & REG_MAYBE_NULL))
		return invalid(env, a);
	if (kind != REG_BTF && kind != REG_MEM && kind != REG_BUF && r->type != kind)
		return invalid(env, a); /* with flags that this kind does not have */
	if (a->rw == ACCESS_WRITE && (kind == REG_CTX || kind == REG_MAP_VALUE)) {
		err = leak(env, a, kind == REG_CTX ? "ctx" : "map");
		if (err)
			return err;
	}
	if (a->rw == ACCESS_WRITE && reg_is_sock(r->type))
		return readonly(env, a);
	err = mem_kinds[kind](env, a, (s32)off);
	if (err || a->rw != ACCESS_READ || a->value < 0 || a->size == 8 ||
	    regs[a->value].type != REG_SCALAR)
		return err;
	if (a->sign)
		scalar_sign_ext(&regs[a->value].v, a->size * 8);
	else
		scalar_zero_ext(&regs[a->value].v, a->size * 8);
	scalar_check(&regs[a->value].v);
	return 0;
}

/* One instruction is translated once: it cannot do one thing for one kind of pointer, and another
 * for another. */
static int one_kind(struct env *env, u32 type, bool any_trust)
{
	u32 *was = &env->aux[env->insn].ptr_type;

	if (*was == REG_NONE) {
		*was = type;
		return 0;
	}
	if (*was == type || !((reg_traits(type) | reg_traits(*was)) & REG_T_OWN))
		return 0;
	if (any_trust && (type & REG_KIND_MASK) == REG_BTF && (*was & REG_KIND_MASK) == REG_BTF) {
		*was = REG_BTF | REG_UNTRUSTED;
		return 0;
	}
	return reject_mixed_pointers(env);
}

int do_ldx(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	struct mem_access a = {
		.regno = insn->src_reg,
		.off = insn->off,
		.size = access_size(insn),
		.rw = ACCESS_READ,
		.value = insn->dst_reg,
		.sign = BPF_MODE(insn->code) == BPF_MEMSX,
	};
	int err = check_reg(env, insn->src_reg, USE_SRC);
	u32 type;

	if (!err)
		err = check_reg(env, insn->dst_reg, USE_DST_KEEP);
	if (err)
		return err;
	type = env_regs(env)[insn->src_reg].type;
	err = mem_access(env, &a);
	return err ? err : one_kind(env, type, true);
}

static int store(struct env *env, const struct bpf_insn *insn, int value)
{
	struct mem_access a = {
		.regno = insn->dst_reg,
		.off = insn->off,
		.size = access_size(insn),
		.rw = ACCESS_WRITE,
		.value = value,
	};
	int err = value >= 0 ? check_reg(env, (u32)value, USE_SRC) : 0;
	u32 type;

	if (!err)
		err = check_reg(env, insn->dst_reg, USE_SRC);
	if (err)
		return err;
	type = env_regs(env)[insn->dst_reg].type;
	err = mem_access(env, &a);
	return err ? err : one_kind(env, type, false);
}

int do_st(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	return store(env, insn, -1);
}

int do_stx(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	return store(env, insn, insn->src_reg);
}

static int check_atomic(struct env *env, const struct bpf_insn *insn)
{
	const struct reg *regs = env_regs(env);
	char text[REG_TEXT_SIZE];
	u32 type;
	int err = check_reg(env, insn->src_reg, USE_SRC);

	if (!err)
		err = check_reg(env, insn->dst_reg, USE_SRC);
	if (!err && insn->imm == BPF_CMPXCHG)
		err = check_reg(env, BPF_REG_0, USE_SRC);
	if (err)
		return err;
	if (insn->imm == BPF_CMPXCHG && is_pointer_value(env, &regs[BPF_REG_0]))
		return reject_leak(env, BPF_REG_0, "mem");
	if (is_pointer_value(env, &regs[insn->src_reg]))
		return reject_leak(env, insn->src_reg, "mem");
	type = regs[insn->dst_reg].type;
	if (type == REG_CTX || type == REG_PKT || type == REG_PKT_META || type == REG_FLOW_KEYS ||
	    reg_is_sock(type))
		return reject_atomic_kind(env, insn->dst_reg, reg_type_text(text, type));
	return 0;
}

/* A read, and a write of something unknown. */
int do_atomic(struct env *env, const struct bpf_insn *insn, s32 *next)
{
	struct mem_access a = {
		.regno = insn->dst_reg,
		.off = insn->off,
		.size = access_size(insn),
		.rw = ACCESS_READ,
		.value = -1,
		.strict = true,
	};
	int load = !(insn->imm & BPF_FETCH) ? -1 : insn->imm == BPF_CMPXCHG ? 0 : insn->src_reg;
	u32 type;
	int err;

	if (insn->imm == BPF_LOAD_ACQ || insn->imm == BPF_STORE_REL)
		return reject_atomic_opcode(env, insn->imm);
	err = check_atomic(env, insn);
	if (!err && load >= 0)
		err = check_reg(env, (u32)load, USE_DST);
	if (!err)
		err = mem_access(env, &a);
	if (!err && load >= 0) {
		a.value = load;
		err = mem_access(env, &a);
	}
	if (err)
		return err;
	type = env_regs(env)[insn->dst_reg].type;
	a.rw = ACCESS_WRITE;
	a.value = -1;
	err = one_kind(env, type, false);
	return err ? err : mem_access(env, &a);
}
