/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Finding special fields: a walk through structs, arrays and variables of a section. */
#include "base/hash.h"
#include "btf/types.h"
#include "verifier/env.h"
#include <stdlib.h>
#include <string.h>

#define MAX_LEVEL 15

static const struct {
	const char *name;
	u32 kind, size;
} named[] = {
	{"bpf_spin_lock", FIELD_SPIN_LOCK, 4},  {"bpf_timer", FIELD_TIMER, 16},
	{"bpf_wq", FIELD_WORKQUEUE, 16},        {"bpf_list_head", FIELD_LIST_HEAD, 16},
	{"bpf_list_node", FIELD_LIST_NODE, 24}, {"bpf_rb_root", FIELD_RB_ROOT, 16},
	{"bpf_rb_node", FIELD_RB_NODE, 32},     {"bpf_refcount", FIELD_REFCOUNT, 4},
};

static const struct {
	u32 kind;
	const char *text;
} texts[] = {
	{FIELD_SPIN_LOCK, "bpf_spin_lock"}, {FIELD_TIMER, "bpf_timer"},
	{FIELD_WORKQUEUE, "bpf_wq"},        {FIELD_KPTR, "kptr"},
	{FIELD_KPTR_PERCPU, "percpu_kptr"}, {FIELD_LIST_HEAD, "bpf_list_head"},
	{FIELD_LIST_NODE, "bpf_list_node"}, {FIELD_RB_ROOT, "bpf_rb_root"},
	{FIELD_RB_NODE, "bpf_rb_node"},     {FIELD_REFCOUNT, "bpf_refcount"},
};

static const struct {
	const char *tag;
	u32 kind;
} kptr_tags[] = {
	{"kptr_untrusted", FIELD_KPTR_UNREF},
	{"kptr", FIELD_KPTR_REF},
	{"percpu_kptr", FIELD_KPTR_PERCPU},
};

const char *field_text(u32 kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].kind & kind)
			return texts[i].text;
	return "?";
}

struct walk {
	struct env *env;
	const struct btf *btf;
	struct fields *out;
};

static struct field *add(struct walk *w, u32 kind, u32 off, u32 size)
{
	struct fields *fs = w->out;
	struct field *f;

	if (fs->nr == FIELDS_MAX)
		return NULL;
	f = &fs->f[fs->nr++];
	*f = (struct field){.kind = kind, .off = off, .size = size};
	fs->kinds |= kind;
	return f;
}

/* The type that a tagged pointer points to is the kernel's where the kernel has one of that name
 * and kind, else the program's own. */
static void add_kptr(struct walk *w, u32 kind, u32 target, u32 off)
{
	const struct btf_type *t;
	struct field *f;
	u32 id = 0;

	target = types_skip_mods(w->btf, target);
	t = btf__type_by_id(w->btf, target);
	if (!t || (!btf_is_struct(t) && !btf_is_union(t)))
		return;
	f = add(w, kind, off, 8);
	if (!f)
		return;
	if (w->env->kbtf)
		id = types_find(w->env->kbtf, types_name(w->btf, target), btf_kind(t));
	f->btf = id ? w->env->kbtf : w->btf;
	f->btf_id = id ? id : target;
}

static void walk_ptr(struct walk *w, const struct btf_type *ptr, u32 off)
{
	const struct btf_type *t = btf__type_by_id(w->btf, ptr->type);

	while (t && btf_kind(t) == BTF_KIND_TYPE_TAG) {
		const char *tag = btf__name_by_offset(w->btf, t->name_off);

		for (size_t i = 0; i < ARRAY_SIZE(kptr_tags); i++)
			if (tag && !strcmp(tag, kptr_tags[i].tag)) {
				add_kptr(w, kptr_tags[i].kind, t->type, off);
				return;
			}
		t = btf__type_by_id(w->btf, t->type);
	}
}

/* "contains:NODE:MEMBER" on a variable (component -1) or a member. */
static const char *contains_tag(const struct btf *btf, u32 of, s32 component)
{
	u32 nr = btf__type_cnt(btf);

	for (u32 id = 1; id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *name;

		if (!btf_is_decl_tag(t) || t->type != of ||
		    btf_decl_tag(t)->component_idx != component)
			continue;
		name = btf__name_by_offset(btf, t->name_off);
		if (name && !strncmp(name, "contains:", 9))
			return name + 9;
	}
	return NULL;
}

static void add_root(struct walk *w, u32 kind, u32 off, u32 size, u32 of, s32 component)
{
	const char *tag = contains_tag(w->btf, of, component);
	const char *colon = tag ? strchr(tag, ':') : NULL;
	struct types_member m;
	struct field *f;
	char name[128];
	u32 id;

	if (!colon || (size_t)(colon - tag) >= sizeof(name))
		return;
	memcpy(name, tag, (size_t)(colon - tag));
	name[colon - tag] = 0;
	id = types_find(w->btf, name, BTF_KIND_STRUCT);
	if (!id || types_member(w->btf, id, colon + 1, &m))
		return;
	f = add(w, kind, off, size);
	if (!f)
		return;
	f->btf = w->btf;
	f->btf_id = id;
	f->node_off = m.bit_off / 8;
}

static void walk_type(struct walk *w, u32 id, u32 off, int level, u32 of, s32 component);

static bool walk_named(struct walk *w, u32 id, u32 off, u32 of, s32 component)
{
	const char *name = types_name(w->btf, id);

	for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
		if (strcmp(name, named[i].name))
			continue;
		if (named[i].kind & FIELD_GRAPH_ROOT)
			add_root(w, named[i].kind, off, named[i].size, of, component);
		else
			add(w, named[i].kind, off, named[i].size);
		return true;
	}
	return false;
}

static void walk_members(struct walk *w, u32 id, const struct btf_type *t, u32 off, int level)
{
	for (u32 i = 0; i < btf_vlen(t) && w->out->nr < FIELDS_MAX; i++) {
		const struct btf_member *m = &btf_members(t)[i];

		walk_type(w, m->type, off + btf_member_bit_offset(t, i) / 8, level + 1, id, (s32)i);
	}
}

static void walk_vars(struct walk *w, const struct btf_type *t)
{
	for (u32 i = 0; i < btf_vlen(t) && w->out->nr < FIELDS_MAX; i++) {
		const struct btf_var_secinfo *v = &btf_var_secinfos(t)[i];
		const struct btf_type *var = btf__type_by_id(w->btf, v->type);

		walk_type(w, var->type, v->offset, 1, v->type, -1);
	}
}

static void walk_type(struct walk *w, u32 id, u32 off, int level, u32 of, s32 component)
{
	const struct btf_type *t;

	id = types_skip(w->btf, id);
	t = btf__type_by_id(w->btf, id);
	if (!t || level > MAX_LEVEL)
		return;
	if (btf_is_array(t)) {
		u32 size = types_size(w->btf, btf_array(t)->type);

		for (u32 i = 0; i < btf_array(t)->nelems && i <= FIELDS_MAX; i++)
			walk_type(w, btf_array(t)->type, off + i * size, level + 1, of, component);
	} else if (btf_is_ptr(t)) {
		walk_ptr(w, t, off);
	} else if (btf_is_struct(t)) {
		if (!walk_named(w, id, off, of, component))
			walk_members(w, id, t, off, level);
	} else if (btf_is_datasec(t)) {
		walk_vars(w, t);
	}
}

static int by_offset(const void *a, const void *b)
{
	const struct field *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static const struct fields none;

const struct fields *fields_of(struct env *env, const struct btf *btf, u32 type_id)
{
	struct walk w = {env, btf, NULL};
	struct fields found = {0};
	struct fields *fs;
	u64 key = (u64)type_id << 1 | (btf == env->kbtf);

	if (!btf || !type_id || btf == env->kbtf)
		return NULL;
	fs = hash_get(env->fields_cache, key);
	if (fs)
		return fs == &none ? NULL : fs;
	w.out = &found;
	walk_type(&w, type_id, 0, 0, type_id, -1);
	qsort(found.f, found.nr, sizeof(found.f[0]), by_offset);
	fs = found.nr ? arena_memdup(&env->arena, &found, sizeof(found)) : (struct fields *)&none;
	if (!fs || hash_put(env->fields_cache, key, fs))
		return NULL;
	return fs == &none ? NULL : fs;
}

const struct field *fields_find(const struct fields *fs, u32 off, u32 kinds)
{
	for (u32 i = 0; fs && i < fs->nr; i++)
		if (fs->f[i].off == off && (fs->f[i].kind & kinds))
			return &fs->f[i];
	return NULL;
}
