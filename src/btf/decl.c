/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The C declaration of a type. Read from the outside in: pointers go in front of what was
 * collected so far, arrays and parameters behind it, the base type comes last and leftmost.
 * Parameters are declarations themselves; depth and length have limits, beyond which stands "...".
 */
#include "btf/types.h"
#include <string.h>

#define MAX_PROTOS 4   /* prototypes within prototypes */
#define MAX_LEN    400 /* characters of one declaration */

static const char *const keywords[] = {
	[BTF_KIND_STRUCT] = "struct",     [BTF_KIND_UNION] = "union",
	[BTF_KIND_ENUM] = "enum",         [BTF_KIND_ENUM64] = "enum",
	[BTF_KIND_FWD] = "struct",        [BTF_KIND_CONST] = "const",
	[BTF_KIND_VOLATILE] = "volatile", [BTF_KIND_RESTRICT] = "restrict",
};

struct decl {
	const struct btf *btf;
	struct strbuf text; /* what stands around the name */
	struct strbuf quals;
	bool at_ptr; /* the outermost part so far is a pointer */
	u32 depth;
};

static void decl_of(struct strbuf *sb, const struct btf *btf, u32 id, u32 depth);

static void put_front(struct strbuf *sb, const char *text)
{
	size_t len = strlen(text), old = sb->len;

	strbuf_puts(sb, text);
	if (sb->failed || !old)
		return;
	memmove(sb->s + len, sb->s, old);
	memcpy(sb->s, text, len);
}

static void add_ptr(struct decl *d)
{
	if (d->quals.len) {
		if (d->text.len)
			put_front(&d->text, " ");
		put_front(&d->text, strbuf_str(&d->quals));
		strbuf_reset(&d->quals);
	}
	put_front(&d->text, "*");
	d->at_ptr = true;
}

/* What follows binds tighter than a pointer. */
static void close_ptr(struct decl *d)
{
	if (d->at_ptr) {
		put_front(&d->text, "(");
		strbuf_putc(&d->text, ')');
	}
	d->at_ptr = false;
}

static void add_params(struct decl *d, const struct btf_type *t)
{
	const struct btf_param *p = btf_params(t);
	u32 nr = btf_vlen(t);

	close_ptr(d);
	strbuf_putc(&d->text, '(');
	if (!nr)
		strbuf_puts(&d->text, "void");
	for (u32 i = 0; i < nr; i++) {
		strbuf_puts(&d->text, i ? ", " : "");
		if (d->text.len > MAX_LEN || d->depth >= MAX_PROTOS || (!p[i].type && i)) {
			strbuf_puts(&d->text, "...");
			break;
		}
		decl_of(&d->text, d->btf, p[i].type, d->depth + 1);
	}
	strbuf_putc(&d->text, ')');
}

static void add_qual(struct decl *d, const char *word)
{
	if (d->quals.len)
		strbuf_putc(&d->quals, ' ');
	strbuf_puts(&d->quals, word);
}

static void put_base(struct strbuf *sb, struct decl *d, const struct btf_type *t)
{
	u32 kind = btf_kind(t);
	const char *word = kind < ARRAY_SIZE(keywords) ? keywords[kind] : NULL;
	const char *name = btf__name_by_offset(d->btf, t->name_off);

	if (d->quals.len)
		strbuf_printf(sb, "%s ", strbuf_str(&d->quals));
	if (kind == BTF_KIND_FWD && btf_kflag(t))
		word = "union";
	if (word)
		strbuf_printf(sb, "%s ", word);
	strbuf_puts(sb, kind == BTF_KIND_UNKN ? "void" : name && name[0] ? name : "{...}");
	if (d->text.len && d->text.s[0] != '[')
		strbuf_putc(sb, ' ');
	strbuf_add(sb, strbuf_str(&d->text), d->text.len);
}

/* Take one step inwards. false: t is the base type. */
static bool step(struct decl *d, const struct btf_type *t, u32 *id)
{
	u32 kind = btf_kind(t);

	switch (kind) {
	case BTF_KIND_PTR:
		add_ptr(d);
		break;
	case BTF_KIND_ARRAY:
		close_ptr(d);
		strbuf_printf(&d->text, "[%u]", btf_array(t)->nelems);
		*id = btf_array(t)->type;
		return true;
	case BTF_KIND_FUNC_PROTO:
		add_params(d, t);
		break;
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_RESTRICT:
		add_qual(d, keywords[kind]);
		break;
	case BTF_KIND_TYPE_TAG:
	case BTF_KIND_VAR:
	case BTF_KIND_FUNC:
		break;
	default:
		return false;
	}
	*id = t->type;
	return true;
}

static void decl_of(struct strbuf *sb, const struct btf *btf, u32 id, u32 depth)
{
	struct decl d = {.btf = btf, .depth = depth};

	for (u32 i = 0;; i++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!t || i > TYPES_MAX_DEPTH || d.text.len > MAX_LEN * 4) {
			strbuf_puts(sb, "...");
			break;
		}
		if (!step(&d, t, &id)) {
			put_base(sb, &d, t);
			break;
		}
	}
	strbuf_done(&d.text);
	strbuf_done(&d.quals);
}

void types_decl(struct strbuf *sb, const struct btf *btf, u32 id)
{
	decl_of(sb, btf, id, 0);
}
