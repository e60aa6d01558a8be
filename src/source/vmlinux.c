/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * vmlinux.h: the kernel's types as C, from its BTF, so that CO-RE can relocate what uses them.
 *
 * The text is libbpf's (btf_dump), types sorted by kind and name as bpftool does, records marked
 * preserve_access_index; behind them the macros of macros.c. It is cached under the hash of the
 * BTF and our version in $XDG_CACHE_HOME/skep or ~/.cache/skep, and appears there by rename, so
 * that concurrent runs see it whole or not at all. Where no cache can be had (nobody has no home)
 * it stays in memory: it takes 0.2 s to make.
 */
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "btf/types.h"
#include "source/source.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Changes whenever the text made from the same BTF does. */
#define FORMAT_VERSION 4

/* A kernel's header has 3 MB; what a hostile BTF makes of itself ends here. */
#define MAX_HEADER (256u << 20)

struct ranked {
	u32 id;
	int rank;
	const char *name, *sort;
};

static int kind_rank(const struct btf *btf, u32 id, const struct btf_type *t)
{
	bool named = t->name_off != 0;

	switch (btf_kind(t)) {
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return named ? 1 : 0;
	case BTF_KIND_INT:
		return 2;
	case BTF_KIND_FLOAT:
		return 2;
	case BTF_KIND_TYPEDEF:
		return types_skip(btf, id) ? 3 : 2;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return named ? 4 : -1; /* those without a name come with whoever uses them */
	default:
		return -1;
	}
}

static int compare(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int cmp;

	if (x->rank != y->rank)
		return x->rank - y->rank;
	cmp = strcmp(x->sort, y->sort);
	if (!cmp)
		cmp = strcmp(x->name, y->name);
	return cmp ? cmp : x->id < y->id ? -1 : x->id > y->id;
}

/* An enum without a name is known by its first enumerator. */
static const char *sort_name(const struct btf *btf, u32 id, const struct btf_type *t)
{
	const char *name = types_name(btf, id);
	u32 off;

	if (*name || !btf_is_any_enum(t) || !btf_vlen(t))
		return name;
	off = btf_is_enum(t) ? btf_enum(t)[0].name_off : btf_enum64(t)[0].name_off;
	name = btf__name_by_offset(btf, off);
	return name ? name : "";
}

static struct ranked *rank_types(const struct btf *btf, size_t *ret_nr)
{
	u32 nr = btf__type_cnt(btf);
	struct ranked *r = mem_calloc(nr, sizeof(*r));
	size_t n = 0;

	if (!r)
		return NULL;
	for (u32 id = 1; id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		int rank = kind_rank(btf, id, t);

		if (rank < 0)
			continue;
		r[n].id = id;
		r[n].rank = rank;
		r[n].name = types_name(btf, id);
		r[n++].sort = sort_name(btf, id, t);
	}
	qsort(r, n, sizeof(*r), compare);
	*ret_nr = n;
	return r;
}

static void add_text(void *ctx, const char *fmt, va_list ap)
{
	struct strbuf *sb = ctx;

	if (sb->len < MAX_HEADER)
		strbuf_vprintf(sb, fmt, ap);
}

static int dump_types(const struct btf *btf, struct strbuf *sb, struct skep_diag *diag)
{
	struct btf_dump *d = btf_dump__new(btf, add_text, sb, NULL);
	struct ranked *r;
	size_t nr = 0;
	int err = 0;

	if (!d)
		return diag_set(diag, -errno, "can't write the types of this BTF as C");
	r = rank_types(btf, &nr);
	if (!r)
		err = diag_nomem(diag);
	for (size_t i = 0; i < nr && !err; i++) {
		err = btf_dump__dump_type(d, r[i].id);
		if (err)
			diag_set(diag, err, "can't write type %u (%s) as C", r[i].id, r[i].name);
	}
	mem_free(r);
	btf_dump__free(d);
	return err;
}

/*
 * What bpf_for and bpf_repeat of macros_libbpf.def stand on. clang 14 forgets the BTF of a function
 * that only a cleanup attribute names, so it is named once more.
 */
static const char iterators[] =
	"\n"
	"extern int bpf_iter_num_new(struct bpf_iter_num *, int, int) SKEP_KFUNC;\n"
	"extern int *bpf_iter_num_next(struct bpf_iter_num *) SKEP_KFUNC;\n"
	"extern void bpf_iter_num_destroy(struct bpf_iter_num *) SKEP_KFUNC;\n"
	"#define SKEP_ITER(from, to) __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))), "
	"\\\n"
	"\t*skep_iter __attribute__((unused)) = (bpf_iter_num_new(&skep_it, (from), (to)), \\\n"
	"\t(void)&bpf_iter_num_destroy, (struct bpf_iter_num *)0)\n";

#define KFUNC(name, ...) #name,
static const char *const known_kfuncs[] = {
#include "spec/kfuncs.def"
};
#undef KFUNC

static bool is_known_kfunc(const char *name)
{
	if (strncmp(name, "bpf_", 4))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(known_kfuncs); i++)
		if (!strcmp(known_kfuncs[i], name))
			return true;
	return false;
}

/*
 * The kfunc that a type is or that a declaration tag marks, NULL: none. BTF made by older tools
 * has no tags; there the names of spec count.
 */
static const struct btf_type *kfunc_of(const struct btf *btf, const struct btf_type *t)
{
	const char *name = btf__name_by_offset(btf, t->name_off);
	const struct btf_type *func;

	if (!name)
		return NULL;
	if (btf_is_func(t))
		return is_known_kfunc(name) ? t : NULL;
	if (!btf_is_decl_tag(t) || strcmp(name, "bpf_kfunc"))
		return NULL;
	func = btf__type_by_id(btf, t->type);
	return func && btf_is_func(func) ? func : NULL;
}

static int compare_funcs(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* The kfuncs of a BTF, sorted by name; id is the prototype. */
static struct ranked *rank_kfuncs(const struct btf *btf, size_t *ret_nr)
{
	u32 nr = btf__type_cnt(btf);
	struct ranked *r = mem_calloc(nr, sizeof(*r));
	size_t n = 0;

	for (u32 id = 1; r && id < nr; id++) {
		const struct btf_type *func = kfunc_of(btf, btf__type_by_id(btf, id));

		if (!func)
			continue;
		r[n].id = func->type;
		r[n++].name = btf__name_by_offset(btf, func->name_off);
	}
	if (n)
		qsort(r, n, sizeof(*r), compare_funcs);
	*ret_nr = n;
	return r;
}

/* As newer bpftools write them; programs that bring prototypes of their own still compile. */
static int dump_kfuncs(const struct btf *btf, struct strbuf *sb, struct skep_diag *diag)
{
	struct btf_dump *d = btf_dump__new(btf, add_text, sb, NULL);
	struct ranked *r;
	size_t nr = 0;

	if (!d)
		return diag_set(diag, -errno, "can't write the kfuncs of this BTF as C");
	r = rank_kfuncs(btf, &nr);
	strbuf_puts(sb, "\n#ifndef BPF_NO_KFUNC_PROTOTYPES\n");
	for (size_t i = 0; i < nr; i++) {
		LIBBPF_OPTS(btf_dump_emit_type_decl_opts, opts, .field_name = r[i].name);

		if (i && !strcmp(r[i].name, r[i - 1].name))
			continue;
		strbuf_puts(sb, "extern ");
		btf_dump__emit_type_decl(d, r[i].id, &opts);
		strbuf_puts(sb, " SKEP_KFUNC;\n");
	}
	strbuf_puts(sb, "#endif\n");
	mem_free(r);
	btf_dump__free(d);
	return r ? 0 : diag_nomem(diag);
}

int vmlinux_write(const struct btf *btf, struct strbuf *sb, struct skep_diag *diag)
{
	int err;

	strbuf_puts(sb, "/* The kernel's types, made by skep " SKEP_VERSION " from BTF. */\n"
			"#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n\n"
			"#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n"
			"#pragma clang attribute push (__attribute__((preserve_access_index)), "
			"apply_to = record)\n#endif\n\n");
	err = dump_types(btf, sb, diag);
	if (err)
		return err;
	strbuf_puts(sb, "\n#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n"
			"#endif\n\n"
			"#define SKEP_KFUNC __attribute__((weak, section(\".ksyms\")))\n");
	err = dump_kfuncs(btf, sb, diag);
	if (err)
		return err;
	strbuf_puts(sb, "\n#ifndef SKEP_NO_MACROS\n");
	macros_write(sb, btf);
	if (types_find_struct(btf, "bpf_iter_num"))
		strbuf_puts(sb, iterators);
	strbuf_puts(sb, "#endif\n#endif\n");
	if (sb->failed)
		return diag_nomem(diag);
	if (sb->len >= MAX_HEADER)
		return diag_set(diag, -EFBIG, "the header of this BTF would be too large");
	return 0;
}

/* The cache's directory, made where it is missing; NULL where nothing can be written. */
static const char *cache_dir(struct arena *arena)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	const char *dir;

	if (base && base[0] == '/')
		dir = arena_printf(arena, "%s/skep", base);
	else if (home && home[0] == '/')
		dir = arena_printf(arena, "%s/.cache/skep", home);
	else
		return NULL;
	if (!dir || file_mkdirs(dir, NULL) || access(dir, W_OK | X_OK))
		return NULL;
	return dir;
}

/* Only what we or root wrote, and nobody else could: the header is code that gets compiled. */
static bool is_ours(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISREG(st.st_mode) && st.st_size &&
	       (st.st_uid == geteuid() || !st.st_uid) && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static const char *cache_path(const struct btf *btf, struct arena *arena)
{
	const char *dir = cache_dir(arena);
	const void *raw;
	u32 size;
	u64 hash;

	if (!dir)
		return NULL;
	raw = btf__raw_data(btf, &size);
	if (!raw)
		return NULL;
	hash = hash_bytes(SKEP_VERSION, strlen(SKEP_VERSION), FORMAT_VERSION);
	return arena_printf(arena, "%s/vmlinux-%016llx.h", dir,
			    (unsigned long long)hash_bytes(raw, size, hash));
}

int vmlinux_header(const char *btf_path, struct arena *arena, const char **ret_path,
		   struct strbuf *ret_text, struct skep_diag *diag)
{
	const char *path, *name = NULL;
	struct btf *btf;
	int err = types_open_kernel(btf_path, &btf, &name, diag);

	if (err)
		return diag_at(diag, err, "vmlinux.h");
	*ret_path = NULL;
	path = cache_path(btf, arena);
	if (path && is_ours(path)) {
		*ret_path = path;
		goto free_btf;
	}
	err = vmlinux_write(btf, ret_text, diag);
	if (err) {
		diag_at(diag, err, "vmlinux.h");
		goto free_btf;
	}
	log_debug("vmlinux.h made from %s", name ? name : "BTF");
	if (path && !file_write(path, ret_text->s, ret_text->len, NULL)) {
		strbuf_done(ret_text);
		*ret_path = path;
	}
free_btf:
	btf__free(btf);
	return err;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The nearest of the names from s on, as a whole word; NULL: none. */
static const char *find_name(const char *s, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strstr(s, name); at; at = strstr(at + 1, name))
		if ((at == s || !is_word(at[-1])) && !is_word(at[len]))
			return at;
	return NULL;
}

void vmlinux_rename(const char *text, const char *const *names, size_t nr, struct strbuf *ret)
{
	for (;;) {
		const char *first = NULL;
		size_t len = 0;

		for (size_t i = 0; i < nr; i++) {
			const char *at = find_name(text, names[i]);

			if (at && (!first || at < first)) {
				first = at;
				len = strlen(names[i]);
			}
		}
		if (!first)
			break;
		strbuf_add(ret, text, (size_t)(first - text) + len);
		strbuf_puts(ret, "___kernel");
		text = first + len;
	}
	strbuf_puts(ret, text);
}
