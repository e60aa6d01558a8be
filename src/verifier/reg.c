/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Making registers, and their kinds' table. */
#include "verifier/reg.h"
#include <stdio.h>
#include <string.h>

static const struct {
	const char *text, *align;
	u32 traits;
} kinds[] = {
#define SPILL                           REG_T_SPILL
#define ADD                             REG_T_ADD
#define ADDK                            REG_T_ADDK
#define ZERO                            REG_T_ZERO
#define OWN                             REG_T_OWN
#define THERE                           REG_T_THERE
#define KIND(name, text, align, traits) [REG_##name] = {text, align, traits},
#include "verifier/reg_kinds.def"
#undef KIND
};

u32 reg_traits(u32 type)
{
	return kinds[type & REG_KIND_MASK].traits;
}

const char *reg_align_text(u32 type)
{
	return kinds[type & REG_KIND_MASK].align;
}

const char *reg_kind_text(u32 type)
{
	return kinds[type & REG_KIND_MASK].text;
}

const char *reg_type_text(char *buf, u32 type)
{
	static const struct {
		u32 flag;
		const char *text;
	} flags[] = {
		{REG_RDONLY, "rdonly_"},   {REG_RINGBUF, "ringbuf_"}, {REG_USER, "user_"},
		{REG_PERCPU, "percpu_"},   {REG_RCU, "rcu_"},         {REG_UNTRUSTED, "untrusted_"},
		{REG_TRUSTED, "trusted_"},
	};
	bool is_btf = (type & REG_KIND_MASK) == REG_BTF;

	buf[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (type & flags[i].flag)
			strcat(buf, flags[i].text);
	strcat(buf, reg_kind_text(type));
	if (type & REG_MAYBE_NULL)
		strcat(buf, is_btf ? "or_null_" : "_or_null");
	return buf;
}

void reg_set_none(struct reg *r)
{
	memset(r, 0, sizeof(*r));
	scalar_any(&r->v);
}

void reg_set_unknown(struct reg *r)
{
	reg_set_none(r);
	r->type = REG_SCALAR;
}

void reg_set_const(struct reg *r, u64 value)
{
	memset(r, 0, sizeof(*r));
	r->type = REG_SCALAR;
	scalar_const(&r->v, value);
}

void reg_set_pointer(struct reg *r, u32 type)
{
	reg_set_const(r, 0);
	r->type = type;
}

void reg_set_btf(struct reg *r, const struct btf *btf, u32 id, u32 flags)
{
	reg_set_pointer(r, REG_BTF | flags);
	r->btf = btf;
	r->btf_id = id;
}

void reg_unlink(struct reg *r)
{
	r->id = 0;
	r->off = 0;
}
