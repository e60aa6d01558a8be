/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a relocation is worth on both sides, and writing it into the instruction. */
#include "btf/core_spec.h"
#include <errno.h>
#include <string.h>

/* --- values --------------------------------------------------------------------------------- */

struct field {
	const struct btf_type *type;
	u32 type_id;
	u64 bit_off, byte_off;
	u32 bit_size, byte_size;
	bool is_bitfield;
};

/* Of an array what counts is one element. */
static u32 element_size(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, types_skip(btf, id));

	for (u32 i = 0; btf_is_array(t) && i < TYPES_MAX_DEPTH; i++) {
		id = btf_array(t)->type;
		t = btf__type_by_id(btf, types_skip(btf, id));
	}
	return types_size(btf, id);
}

/* The smallest aligned integer that holds all bits of a bitfield. */
static int bitfield_bytes(struct field *f)
{
	u32 size = f->type->size;

	if (!size)
		return -EINVAL;
	for (;; size *= 2) {
		f->byte_off = f->bit_off / 8 / size * size;
		if (f->bit_off + f->bit_size - f->byte_off * 8 <= (u64)size * 8)
			break;
		if (size >= 8)
			return -E2BIG;
	}
	f->byte_size = size;
	return 0;
}

static int find_field(const struct core_spec *spec, struct field *f)
{
	const struct core_step *last = &spec->steps[spec->nr_steps - 1];
	const struct btf_type *t = btf__type_by_id(spec->btf, last->type_id);

	f->type_id = types_skip(spec->btf, btf_members(t)[last->idx].type);
	f->type = btf__type_by_id(spec->btf, f->type_id);
	f->bit_off = spec->bit_off;
	f->bit_size = btf_member_bitfield_size(t, last->idx);
	f->is_bitfield = f->bit_size > 0;
	if (f->is_bitfield)
		return bitfield_bytes(f);
	f->byte_size = types_size(spec->btf, f->type_id);
	f->byte_off = spec->bit_off / 8;
	f->bit_size = f->byte_size * 8;
	return 0;
}

static bool is_signed(const struct btf_type *t)
{
	return (core_is_any_enum(t) && btf_kflag(t)) ||
	       (btf_is_int(t) && btf_int_encoding(t) & BTF_INT_SIGNED);
}

/* The way ends at an element, a[n], or at the root itself. */
static int calc_element(const struct core_spec *spec, struct core_value *v)
{
	u32 id = spec->steps[spec->nr_steps - 1].type_id;

	v->exact = true;
	if (spec->kind == BPF_CORE_FIELD_BYTE_OFFSET) {
		v->value = spec->bit_off / 8;
		v->mem_size = element_size(spec->btf, id);
		v->type_id = id;
		return 0;
	}
	v->value = types_size(spec->btf, id);
	return spec->kind == BPF_CORE_FIELD_BYTE_SIZE ? 0 : -EINVAL;
}

static int calc_field(const struct core_spec *spec, struct core_value *v)
{
	struct field f;
	int err;

	if (spec->kind == BPF_CORE_FIELD_EXISTS) {
		*v = (struct core_value){.value = 1, .exact = true};
		return 0;
	}
	if (!spec->steps[spec->nr_steps - 1].name)
		return calc_element(spec, v);
	err = find_field(spec, &f);
	if (err)
		return err;
	v->exact = !f.is_bitfield; /* compilers may choose another unit for the same bits */
	switch (spec->kind) {
	case BPF_CORE_FIELD_BYTE_OFFSET:
		v->value = f.byte_off;
		v->mem_size = f.is_bitfield ? 0 : element_size(spec->btf, f.type_id);
		v->type_id = f.is_bitfield ? 0 : f.type_id;
		return 0;
	case BPF_CORE_FIELD_BYTE_SIZE:
		v->value = f.byte_size;
		return 0;
	case BPF_CORE_FIELD_SIGNED:
		v->value = is_signed(f.type);
		v->exact = true;
		return 0;
	case BPF_CORE_FIELD_LSHIFT_U64:
		v->value = 64 - (f.bit_off + f.bit_size - f.byte_off * 8);
		return 0;
	case BPF_CORE_FIELD_RSHIFT_U64:
		v->value = 64 - (u64)f.bit_size;
		v->exact = true;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int calc_type(const struct core_spec *spec, struct core_value *v)
{
	v->exact = spec->kind != BPF_CORE_TYPE_ID_TARGET; /* a linker may have renumbered */
	if (spec->kind == BPF_CORE_TYPE_ID_TARGET)
		v->value = spec->root;
	else if (spec->kind == BPF_CORE_TYPE_SIZE)
		v->value = types_size(spec->btf, spec->root);
	else
		v->value = 1;
	return 0;
}

static int calc_enumval(const struct core_spec *spec, struct core_value *v)
{
	const struct btf_type *t = btf__type_by_id(spec->btf, spec->steps[0].type_id);
	u32 i = spec->steps[0].idx;

	v->exact = true;
	if (spec->kind == BPF_CORE_ENUMVAL_EXISTS)
		v->value = 1;
	else if (btf_is_enum(t))
		v->value = (u64)(s64)btf_enum(t)[i].val;
	else
		v->value = btf_enum64_value(btf_enum64(t) + i);
	return 0;
}

/* spec NULL: the target has no such thing. */
static int calc(u32 kind, const struct core_spec *spec, struct core_value *v)
{
	*v = (struct core_value){0};
	switch (core_class_of(kind)) {
	case CORE_FIELD:
		v->missing = !spec && kind != BPF_CORE_FIELD_EXISTS;
		return spec ? calc_field(spec, v) : 0;
	case CORE_TYPE:
		return spec ? calc_type(spec, v) : 0;
	case CORE_ENUMVAL:
		v->missing = !spec && kind == BPF_CORE_ENUMVAL_VALUE;
		return spec ? calc_enumval(spec, v) : 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* A load may change its size where zero-extension keeps the value: pointers, unsigned integers. */
static bool may_resize(const struct btf_type *a, const struct btf_type *b)
{
	if (btf_is_ptr(a) && btf_is_ptr(b))
		return true;
	return btf_is_int(a) && btf_is_int(b) && btf_int_encoding(a) != BTF_INT_SIGNED &&
	       btf_int_encoding(b) != BTF_INT_SIGNED;
}

int core_calc(const struct core_spec *local, const struct core_spec *target,
	      struct core_result *ret)
{
	struct core_value was, is;
	int err = calc(local->kind, local, &was);

	err = err ?: calc(local->kind, target, &is);
	if (err)
		return err;
	*ret = (struct core_result){
		.was = was.value,
		.is = is.value,
		.was_size = was.mem_size,
		.is_size = is.mem_size,
		.poison = is.missing,
		.exact = was.exact,
	};
	if (!is.missing && was.mem_size != is.mem_size)
		ret->bad_resize = !was.type_id || !is.type_id ||
				  !may_resize(btf__type_by_id(local->btf, was.type_id),
					      btf__type_by_id(target->btf, is.type_id));
	return 0;
}

/* --- instructions --------------------------------------------------------------------------- */

static bool is_ld_imm64(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

static void poison(struct bpf_insn *insn, u32 nr)
{
	u32 slots = is_ld_imm64(insn) && nr > 1 ? 2 : 1;

	for (u32 i = 0; i < slots; i++)
		insn[i] = (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = CORE_POISON};
}

static int unexpected(struct skep_diag *diag, const char *what, s64 have, u64 want)
{
	return diag_set(diag, -EINVAL,
			"the instruction's %s is %lld, but by the object's own types it is %lld",
			what, (long long)have, (long long)want);
}

static int patch_imm(struct bpf_insn *insn, const struct core_result *res, struct skep_diag *diag)
{
	if (BPF_SRC(insn->code) != BPF_K)
		return diag_set(diag, -EINVAL, "an arithmetic instruction without immediate");
	if (res->exact && (u64)(s64)insn->imm != res->was)
		return unexpected(diag, "immediate", insn->imm, res->was);
	insn->imm = (s32)res->is;
	return 0;
}

static const u8 sizes[] = {[BPF_B >> 3] = 1, [BPF_H >> 3] = 2, [BPF_W >> 3] = 4, [BPF_DW >> 3] = 8};

static int resize(struct bpf_insn *insn, const struct core_result *res, struct skep_diag *diag)
{
	u32 have = sizes[BPF_SIZE(insn->code) >> 3];

	if (have != res->was_size)
		return diag_set(diag, -EINVAL, "it accesses %u bytes of a field that has %u", have,
				res->was_size);
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++)
		if (sizes[i] == res->is_size) {
			insn->code = (u8)(BPF_MODE(insn->code) | i << 3 | BPF_CLASS(insn->code));
			return 0;
		}
	return diag_set(diag, -EINVAL, "the target's field has %u bytes, which no load can do",
			res->is_size);
}

static int patch_mem(struct bpf_insn *insn, u32 nr, const struct core_result *res,
		     struct skep_diag *diag)
{
	if (res->exact && (u64)(s64)insn->off != res->was)
		return unexpected(diag, "offset", insn->off, res->was);
	if (res->is > INT16_MAX)
		return diag_set(diag, -ERANGE, "the offset %llu does not fit into a load or store",
				(unsigned long long)res->is);
	if (res->bad_resize) {
		poison(insn, nr);
		return 0;
	}
	insn->off = (s16)res->is;
	return res->is_size != res->was_size ? resize(insn, res, diag) : 0;
}

static int patch_ld_imm64(struct bpf_insn *insn, u32 nr, const struct core_result *res,
			  struct skep_diag *diag)
{
	u64 imm;

	if (!is_ld_imm64(insn) || nr < 2 || insn->src_reg || insn->off || insn[1].code ||
	    insn[1].dst_reg || insn[1].src_reg || insn[1].off)
		return diag_set(diag, -EINVAL, "a load that can't be relocated");
	imm = (u32)insn[0].imm | (u64)(u32)insn[1].imm << 32;
	if (res->exact && imm != res->was)
		return unexpected(diag, "immediate", (s64)imm, res->was);
	insn[0].imm = (s32)res->is;
	insn[1].imm = (s32)(res->is >> 32);
	return 0;
}

int core_patch(struct bpf_insn *insn, u32 nr, const struct core_result *res, struct skep_diag *diag)
{
	if (res->poison) {
		poison(insn, nr);
		return 0;
	}
	switch (BPF_CLASS(insn->code)) {
	case BPF_ALU:
	case BPF_ALU64:
		return patch_imm(insn, res, diag);
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		return patch_mem(insn, nr, res, diag);
	case BPF_LD:
		return patch_ld_imm64(insn, nr, res, diag);
	default:
		return diag_set(diag, -EINVAL, "an instruction (code %#x) that can't be relocated",
				insn->code);
	}
}
