/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "engine/select.h"
#include "base/mem.h"
#include "spec/spec.h"
#include <errno.h>
#include <string.h>

bool select_is_tail_call_target(const struct object *obj, const struct prog *prog)
{
	for (u32 i = 0; i < obj->nr_maps; i++)
		for (u32 k = 0; k < obj->maps[i].nr_init; k++)
			if (obj->maps[i].init[k].prog == prog)
				return true;
	return false;
}

/* "PROGRAM=SECTION": is it about this program? */
static bool is_row_of(const char *row, const char *prog)
{
	size_t len = strlen(prog);

	return !strncmp(row, prog, len) && row[len] == '=';
}

bool select_is_moved(const struct moved_progs *moved, const struct prog *prog)
{
	for (u32 i = 0; i < moved->nr; i++)
		if (!strcmp(moved->progs[i].name, prog->name))
			return true;
	return false;
}

static int move(struct object *obj, const char *row, struct prog *to, struct skep_diag *diag)
{
	const char *eq = strchr(row, '='), *section = eq ? eq + 1 : "", *target = "";
	const struct spec_section *sec = spec_section(section, &target);
	struct prog *from = NULL;

	for (u32 i = 0; i < obj->nr_progs && !from; i++)
		if (is_row_of(row, obj->progs[i].name))
			from = &obj->progs[i];
	if (!from)
		return diag_set(diag, -ENOENT, "--attach %s: no program of that name", row);
	if (!sec)
		return diag_set(diag, -EINVAL, "--attach %s: \"%s\" is not a section name", row,
				section);
	*to = *from;
	to->section = section;
	to->target = target;
	to->type = sec->prog_type;
	to->attach_type = sec->attach_type;
	to->autoload = true;
	return 0;
}

int select_move(struct object *obj, const char *const *rows, struct moved_progs *ret,
		struct skep_diag *diag)
{
	u32 nr = 0;

	while (rows && rows[nr])
		nr++;
	*ret = (struct moved_progs){.progs = mem_calloc(nr + 1, sizeof(*ret->progs))};
	if (!ret->progs)
		return diag_nomem(diag);
	for (; ret->nr < nr; ret->nr++) {
		int err = move(obj, rows[ret->nr], &ret->progs[ret->nr], diag);

		if (err)
			return err;
	}
	return 0;
}

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool select_is_same_place(const struct prog *a, const struct prog *b)
{
	static const char *const pairs[][2] = {
		{"fentry/", "kprobe/"},
		{"fexit/", "kretprobe/"},
		{"tp_btf/", "raw_tp/"},
		{"tp_btf/", "raw_tracepoint/"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (starts_with(a->section, pairs[i][0]) && starts_with(b->section, pairs[i][1]) &&
		    !strcmp(a->target, b->target))
			return true;
	return false;
}
