/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Trees of named values in an arena. */
#include "engine/kernel_objs.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIRST_ROOM 8

/* An array of kids has room for the next power of two: it is full when it holds one exactly. */
static bool is_full(size_t nr)
{
	return !nr || (nr >= FIRST_ROOM && !(nr & (nr - 1)));
}

static struct skep_value *grow(struct kobj_tree *t, struct skep_value *parent)
{
	size_t room = parent->nr ? parent->nr * 2 : FIRST_ROOM;
	struct skep_value *kids = arena_calloc(t->arena, room, sizeof(*kids));

	if (kids && parent->nr)
		memcpy(kids, parent->kids, parent->nr * sizeof(*kids));
	return kids;
}

struct skep_value *kobj_add(struct kobj_tree *t, struct skep_value *parent, const char *name,
			    enum skep_value_kind kind)
{
	static struct skep_value lost; /* written to when memory has run out, never read */
	struct skep_value *kids = (struct skep_value *)parent->kids, *v;

	if (is_full(parent->nr))
		kids = grow(t, parent);
	if (!kids) {
		t->failed = true;
		lost = (struct skep_value){.kind = kind};
		return &lost;
	}
	parent->kids = kids;
	v = &kids[parent->nr++];
	*v = (struct skep_value){.name = name, .kind = kind};
	return v;
}

void kobj_number(struct kobj_tree *t, struct skep_value *o, const char *name, u64 x)
{
	kobj_add(t, o, name, SKEP_VALUE_NUMBER)->number = x;
}

void kobj_signed(struct kobj_tree *t, struct skep_value *o, const char *name, s64 x)
{
	kobj_add(t, o, name, SKEP_VALUE_SIGNED)->number = (u64)x;
}

void kobj_bool(struct kobj_tree *t, struct skep_value *o, const char *name, bool x)
{
	kobj_add(t, o, name, SKEP_VALUE_BOOL)->number = x;
}

void kobj_text(struct kobj_tree *t, struct skep_value *o, const char *name, const char *text)
{
	char *copy = arena_strdup(t->arena, text);

	t->failed |= !copy;
	kobj_add(t, o, name, SKEP_VALUE_TEXT)->text = copy ? copy : "";
}

void kobj_name(struct kobj_tree *t, struct skep_value *o, const char *name, const char *text)
{
	if (!text)
		t->failed = true;
	else if (*text)
		kobj_text(t, o, name, text);
}

void kobj_printf(struct kobj_tree *t, struct skep_value *o, const char *name, const char *fmt, ...)
{
	char buf[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	kobj_text(t, o, name, buf);
}

void kobj_numbers(struct kobj_tree *t, struct skep_value *o, const char *name, const u32 *x, u32 nr)
{
	struct skep_value *list = kobj_add(t, o, name, SKEP_VALUE_LIST);

	for (u32 i = 0; i < nr; i++)
		kobj_number(t, list, NULL, x[i]);
}

void kobj_copy(struct kobj_tree *t, struct skep_value *o, const struct skep_value *from)
{
	for (size_t i = 0; i < from->nr; i++)
		*kobj_add(t, o, from->kids[i].name, from->kids[i].kind) = from->kids[i];
}

const struct skep_value *kobj_get(const struct skep_value *o, const char *name)
{
	for (size_t i = 0; i < o->nr; i++)
		if (o->kids[i].name && !strcmp(o->kids[i].name, name))
			return &o->kids[i];
	return NULL;
}
