/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which member of a struct is at an offset: a number, a pointer, or a struct that begins there. */
#include "btf/types.h"
#include "verifier/verifier.h"
#include <stdio.h>
#include <string.h>

const char *btf_kind_text(const struct btf_type *t)
{
	static const char *const texts[] = {
		"UNKNOWN", "INT",     "PTR",      "ARRAY",    "STRUCT",   "UNION",  "ENUM",
		"FWD",     "TYPEDEF", "VOLATILE", "CONST",    "RESTRICT", "FUNC",   "FUNC_PROTO",
		"VAR",     "DATASEC", "FLOAT",    "DECL_TAG", "TYPE_TAG", "ENUM64",
	};
	u32 kind = t ? btf_kind(t) : 0;

	return kind < ARRAY_SIZE(texts) ? texts[kind] : "UNKNOWN";
}

struct step {
	struct env *env;
	const struct btf *btf;
	u32 id;
	s32 off;
	int size;
	bool flex;
	u32 flags;
	const char *field;
};

static int beyond(struct step *s, u32 id)
{
	return reject_struct_beyond(s->env, types_name(s->btf, id), (u32)s->off, (u32)s->size);
}

/* Behind a struct's end: elements of a flexible array as its last member. */
static int flex_array(struct step *s, const struct btf_type *t, bool *again)
{
	u32 nr = btf_vlen(t), moff, id;
	const struct btf_type *m;

	if (!s->flex || !nr)
		return beyond(s, s->id);
	m = btf__type_by_id(s->btf, types_skip(s->btf, btf_members(t)[nr - 1].type));
	if (!btf_is_array(m) || btf_array(m)->nelems)
		return beyond(s, s->id);
	moff = btf_member_bit_offset(t, nr - 1) / 8;
	if (s->off < (s32)moff)
		return beyond(s, s->id);
	id = types_skip(s->btf, btf_array(m)->type);
	m = btf__type_by_id(s->btf, id);
	if (btf_is_int(m))
		return WALK_SCALAR;
	if (!btf_is_composite(m) || !m->size)
		return beyond(s, s->id);
	s->off = (s32)(((u32)s->off - moff) % m->size);
	s->id = id;
	*again = true;
	return 0;
}

static u32 tag_flags(const struct btf *btf, const struct btf_type *ptr)
{
	static const struct {
		const char *tag;
		u32 flag;
	} tags[] = {{"user", REG_USER}, {"percpu", REG_PERCPU}, {"rcu", REG_RCU}};
	const struct btf_type *t = btf__type_by_id(btf, ptr->type);
	const char *name;

	if (!t || btf_kind(t) != BTF_KIND_TYPE_TAG)
		return 0;
	name = btf__name_by_offset(btf, t->name_off);
	for (size_t i = 0; name && i < ARRAY_SIZE(tags); i++)
		if (!strcmp(name, tags[i].tag))
			return tags[i].flag;
	return 0;
}

/* The member that has the offset. moff: where it (or the array's element) begins. */
static int in_member(struct step *s, const struct btf_type *t, const struct btf_member *m, u32 moff,
		     bool *again)
{
	const char *mname = btf__name_by_offset(s->btf, m->name_off);
	const char *tname = types_name(s->btf, s->id);
	u32 id = types_skip(s->btf, m->type), end = moff + types_size(s->btf, id);
	const struct btf_type *mt = btf__type_by_id(s->btf, id);
	u32 msize = types_size(s->btf, id);

	while (btf_is_array(mt)) {
		id = types_skip(s->btf, btf_array(mt)->type);
		mt = btf__type_by_id(s->btf, id);
	}
	if (types_size(s->btf, id) != msize) { /* an array */
		msize = types_size(s->btf, id);
		if (!msize)
			return beyond(s, s->id);
		moff += ((u32)s->off - moff) / msize * msize;
	}
	if (btf_is_composite(mt)) {
		bool here = (u32)s->off == moff;

		s->id = id;
		s->off -= (s32)moff;
		*again = !here;
		return WALK_STRUCT;
	}
	if (btf_is_ptr(mt)) {
		u32 to = types_skip(s->btf, mt->type);

		if (msize != (u32)s->size || (u32)s->off != moff)
			return reject_struct_ptr_part(s->env, mname, moff, tname, (u32)s->off,
						      (u32)s->size);
		if (to && btf_is_composite(btf__type_by_id(s->btf, to))) {
			s->flags |= tag_flags(s->btf, mt);
			s->id = to;
			s->field = mname;
			return WALK_PTR;
		}
	}
	if ((u32)s->off + (u32)s->size > end && !(s->flags & REG_UNTRUSTED))
		return reject_struct_member_end(s->env, mname, end, tname, (u32)s->off,
						(u32)s->size);
	return WALK_SCALAR;
}

static int no_field(struct step *s)
{
	return reject_struct_no_field(s->env, types_name(s->btf, s->id), s->off);
}

static bool covers_bitfield(const struct step *s, const struct btf_type *t, u32 i, u32 moff)
{
	u32 end = btf_member_bit_offset(t, i) + btf_member_bitfield_size(t, i);

	return s->off <= (s32)moff && (s32)((end + 7) / 8) <= s->off + s->size;
}

static int one_struct(struct step *s, bool *again)
{
	const struct btf_type *t = btf__type_by_id(s->btf, s->id);

	if (!t || !btf_is_composite(t))
		return reject_not_struct(s->env, types_name(s->btf, s->id));
	if (btf_is_union(t) && btf_vlen(t) != 1)
		s->flags |= REG_UNTRUSTED;
	if ((u64)(s64)s->off + (u64)s->size > t->size)
		return flex_array(s, t, again);
	for (u32 i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		u32 moff = btf_member_bit_offset(t, i) / 8, msize;

		if (s->off + s->size <= (s32)moff)
			break;
		if (btf_member_bitfield_size(t, i)) {
			if (covers_bitfield(s, t, i, moff))
				return WALK_SCALAR;
			continue;
		}
		if (s->off < (s32)moff)
			break;
		msize = types_size(s->btf, m->type);
		if (s->off >= (s32)(moff + msize))
			continue;
		return in_member(s, t, m, moff, again);
	}
	return no_field(s);
}

/* Down to what is at s->off. WALK_STRUCT: a struct that begins there. */
static int walk(struct step *s)
{
	int ret;

	for (int depth = 0; depth < 64; depth++) {
		bool again = false;

		s->id = types_skip(s->btf, s->id);
		ret = one_struct(s, &again);
		if (ret < 0 || !again)
			return ret;
	}
	return no_field(s);
}

static int check_fields(struct env *env, const struct reg *r, s32 off, int size)
{
	const struct fields *fs = fields_of(env, r->btf, r->btf_id);

	for (u32 i = 0; fs && i < fs->nr; i++)
		if (off < (s32)(fs->f[i].off + fs->f[i].size) && (s32)fs->f[i].off < off + size)
			return reject_struct_special(env, field_text(fs->f[i].kind));
	return 0;
}

int btf_access(struct env *env, const struct reg *r, s32 off, int size, u32 *ret_id, u32 *ret_flags,
	       const char **ret_field)
{
	bool alloc = r->type & REG_ALLOC;
	struct step s = {env, r->btf, r->btf_id, off, size, !alloc, 0, NULL};
	int ret = alloc ? check_fields(env, r, off, size) : 0;

	if (ret)
		return ret;
	do {
		ret = walk(&s);
	} while (ret == WALK_STRUCT && s.off == 0 && (s.size = size));
	if (ret < 0)
		return ret;
	if (ret == WALK_SCALAR || alloc)
		return REG_SCALAR;
	*ret_id = s.id;
	*ret_flags = s.flags;
	*ret_field = s.field;
	return REG_BTF;
}

static bool same_type(const struct btf *a, u32 id, const struct btf *b, u32 other)
{
	return a == b && id == other;
}

/* Is there a struct of the wanted type at that offset? Nothing is said. */
bool btf_ids_match(struct env *env, const struct btf *btf, u32 id, s32 off,
		   const struct btf *need_btf, u32 need_id, bool strict, bool flex)
{
	struct step s = {env, btf, types_skip(btf, id), off, 1, flex, 0, NULL};

	need_id = types_skip(need_btf, need_id);
	if (!off && same_type(btf, s.id, need_btf, need_id))
		return true;
	if (strict)
		return false;
	for (int depth = 0; depth < 64; depth++) {
		struct verify_result was = *env->res;
		size_t len = env->log.len;
		int ret = walk(&s);

		if (ret < 0) { /* a question, not a refusal */
			*env->res = was;
			log_reset(env, len);
		}
		if (ret != WALK_STRUCT)
			return false;
		if (same_type(btf, s.id, need_btf, need_id))
			return true;
		s.off = 0;
	}
	return false;
}

/* The kernel's BTF has a struct T__safe_rcu, … for some T: members that are safe to follow. */
bool btf_is_nested_trusted(struct env *env, const struct reg *r, const char *field, u32 id,
			   const char *suffix)
{
	const struct btf_type *t = btf__type_by_id(r->btf, r->btf_id), *safe;
	char name[64];
	u32 safe_id;

	if (!t || !field ||
	    snprintf(name, sizeof(name), "%s%s", types_name(r->btf, r->btf_id), suffix) >=
		    (int)sizeof(name))
		return false;
	safe_id = types_find(r->btf, name, btf_kind(t));
	safe = safe_id ? btf__type_by_id(r->btf, safe_id) : NULL;
	for (u32 i = 0; safe && i < btf_vlen(safe); i++) {
		const struct btf_member *m = &btf_members(safe)[i];
		const struct btf_type *mt = btf__type_by_id(r->btf, m->type);

		if (btf_is_ptr(mt) && types_skip(r->btf, mt->type) == id &&
		    !strcmp(btf__name_by_offset(r->btf, m->name_off), field))
			return true;
	}
	return false;
}
