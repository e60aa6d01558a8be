/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the sections of an object are, by name, type and flags; license and version. */
#include "object/state.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "name" or "name.something" */
static bool is_kin(const char *name, const char *of)
{
	size_t len = strlen(of);

	return !strncmp(name, of, len) && (!name[len] || name[len] == '.');
}

static const struct {
	const char *name;
	u32 type;
	bool kin; /* also with a suffix */
	enum section_kind kind;
} rows[] = {
	{".maps", SHT_PROGBITS, false, SECTION_MAPS},
	{"maps", SHT_PROGBITS, false, SECTION_OLD_MAPS},
	{".data", SHT_PROGBITS, true, SECTION_DATA},
	{".rodata", SHT_PROGBITS, true, SECTION_RODATA},
	{".bss", SHT_NOBITS, true, SECTION_BSS},
	{".addr_space.1", SHT_PROGBITS, false, SECTION_ARENA},
};

static enum section_kind classify(const struct elf_section *s)
{
	if (s->type == SHT_PROGBITS && s->flags & SHF_EXECINSTR)
		return strcmp(s->name, ".text") ? SECTION_PROG : SECTION_TEXT;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].type == s->type &&
		    (rows[i].kin ? is_kin(s->name, rows[i].name) : !strcmp(s->name, rows[i].name)))
			return rows[i].kind;
	return SECTION_OTHER;
}

static int read_license(struct object *obj, const struct elf_section *s, struct skep_diag *diag)
{
	obj->license = arena_strndup(&obj->arena, (const char *)s->data,
				     strnlen((const char *)s->data, min_u64(s->size, 63)));
	return obj->license ? 0 : diag_nomem(diag);
}

static int read_version(struct object *obj, const struct elf_section *s, struct skep_diag *diag)
{
	if (s->size != sizeof(obj->kern_version)) {
		diag_set(diag, -EINVAL, "has %llu bytes instead of 4", (unsigned long long)s->size);
		return diag_at(diag, -EINVAL, "section version");
	}
	memcpy(&obj->kern_version, s->data, s->size);
	return 0;
}

static int check_file(const struct elf_image *elf, struct skep_diag *diag)
{
	const char *hint = "compile with clang -target bpf";

	if (elf->machine != EM_BPF && elf->machine != EM_NONE)
		return diag_set_full(diag, -EINVAL, "not-bpf", hint,
				     "an ELF file for machine %u, not for BPF", elf->machine);
	if (elf->type != ET_REL)
		return diag_set_full(diag, -EINVAL, "not-bpf", hint,
				     "an ELF file of type %u, not an object file", elf->type);
	if (!elf->symbols)
		return diag_set_full(diag, -ENOENT, "stripped", "don't strip it, or only with -g",
				     "there is no symbol table");
	return 0;
}

int object_read_sections(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	const struct elf_image *elf = &st->elf;
	int err = check_file(elf, diag);

	if (err)
		return err;
	obj->license = "";
	st->kinds = arena_calloc(&obj->arena, elf->nr_sections, sizeof(*st->kinds));
	if (!st->kinds)
		return diag_nomem(diag);
	for (u32 i = 1; i < elf->nr_sections && !err; i++) {
		const struct elf_section *s = &elf->sections[i];

		st->kinds[i] = classify(s);
		if (st->kinds[i] == SECTION_TEXT && !st->text)
			st->text = i;
		if (!strcmp(s->name, "license") && s->data)
			err = read_license(obj, s, diag);
		else if (!strcmp(s->name, "version") && s->data)
			err = read_version(obj, s, diag);
	}
	return err;
}

const struct btf_type *object_datasec(const struct object *obj, const char *name, u32 *ret_id)
{
	u32 id = obj->btf ? types_find(obj->btf, name, BTF_KIND_DATASEC) : 0;

	*ret_id = id;
	return id ? btf__type_by_id(obj->btf, id) : NULL;
}

/* --- sizes and offsets that compilers leave to the linker ------------------------------------ */

static int by_offset(const void *a, const void *b)
{
	const struct btf_var_secinfo *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Symbols of one section by name, found by binary search. */
struct sym_table {
	const struct elf_symbol **data;
	u32 nr;
};

static int sym_cmp(const struct elf_symbol *sym, const char *name, u32 section)
{
	int diff = strcmp(sym->name, name);

	return diff ? diff : sym->section < section ? -1 : sym->section > section;
}

static int by_name(const void *a, const void *b)
{
	const struct elf_symbol *y = *(const struct elf_symbol **)b;

	return sym_cmp(*(const struct elf_symbol **)a, y->name, y->section);
}

static int collect_symbols(struct object *obj, struct sym_table *ret)
{
	const struct elf_image *elf = &obj->state->elf;

	ret->data = arena_calloc(&obj->arena, elf->nr_symbols, sizeof(*ret->data));
	if (!ret->data)
		return -ENOMEM;
	for (u32 i = 0; i < elf->nr_symbols; i++)
		if (elf->symbols[i].section && elf->symbols[i].type == STT_OBJECT)
			ret->data[ret->nr++] = &elf->symbols[i];
	qsort(ret->data, ret->nr, sizeof(*ret->data), by_name);
	return 0;
}

static const struct elf_symbol *find_symbol(const struct sym_table *tab, const char *name,
					    u32 section)
{
	u32 lo = 0, hi = tab->nr;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (sym_cmp(tab->data[mid], name, section) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < tab->nr && !sym_cmp(tab->data[lo], name, section) ? tab->data[lo] : NULL;
}

static int fix_var(struct object *obj, const struct sym_table *tab, struct btf_var_secinfo *v,
		   u32 section, struct skep_diag *diag)
{
	const struct elf_section *s = &obj->state->elf.sections[section];
	const struct btf_type *t = btf__type_by_id(obj->btf, v->type);
	const char *name = types_name(obj->btf, v->type);
	const struct elf_symbol *sym;

	if (!btf_is_var(t))
		return 0;
	sym = find_symbol(tab, name, section);
	if (sym && (sym->visibility == STV_HIDDEN || sym->visibility == STV_INTERNAL))
		((struct btf_var *)btf_var(t))->linkage = BTF_VAR_STATIC; /* as libbpf says it */
	if (sym && sym->bind != STB_LOCAL) {
		if (sym->value > UINT32_MAX)
			v->offset = UINT32_MAX; /* refused below */
		else
			v->offset = (u32)sym->value;
	}
	if (in_bounds(v->offset, v->size, s->size))
		return 0;
	diag_set(diag, -EINVAL, "variable %s (offset %u, %u bytes) lies beyond its end", name,
		 v->offset, v->size);
	return diag_at(diag, -EINVAL, "section %s", s->name);
}

/*
 * Compilers leave the size of a DATASEC and the offsets of global variables at 0; the symbol table
 * knows them. libbpf writes them into the BTF as well.
 */
int object_fix_datasecs(struct object *obj, struct skep_diag *diag)
{
	const struct elf_image *elf = &obj->state->elf;
	struct sym_table tab = {0};
	u32 nr = obj->btf ? btf__type_cnt(obj->btf) : 0;
	int err = 0;

	if (nr && collect_symbols(obj, &tab))
		return diag_nomem(diag);
	for (u32 id = 1; id < nr && !err; id++) {
		struct btf_type *t = (struct btf_type *)btf__type_by_id(obj->btf, id);
		u32 section;

		if (!btf_is_datasec(t))
			continue;
		section = elf_find_section(elf, types_name(obj->btf, id));
		if (!section || elf->sections[section].size > UINT32_MAX)
			continue;
		t->size = (u32)elf->sections[section].size;
		for (u32 i = 0; i < btf_vlen(t) && !err; i++)
			err = fix_var(obj, &tab, btf_var_secinfos(t) + i, section, diag);
		qsort(btf_var_secinfos(t), btf_vlen(t), sizeof(struct btf_var_secinfo), by_offset);
	}
	return err;
}
