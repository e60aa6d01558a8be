/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The user engine's programs: which are made ready, and where each is attached.
 *
 * A program is left out, with a line that says so, when no hook here serves it: objects often hold
 * the same probe for several kernels. It is an error when that leaves nothing to attach. A program
 * that a hook serves must load. `--attach PROGRAM=SECTION` gives a program another section; given
 * more than once, the program is attached to each.
 *
 * Where two programs do the same work for kernels with and without BTF (fentry/f and kprobe/f), one
 * is enough: Linux' own tools load one of them, and both would count everything twice.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "engine/user.h"
#include "spec/spec.h"
#include <errno.h>
#include <string.h>

/* Is it in the initial values of a prog_array? Then tail calls lead to it. */
static bool is_tail_call_target(const struct object *obj, const struct prog *prog)
{
	for (u32 i = 0; i < obj->nr_maps; i++)
		for (u32 k = 0; k < obj->maps[i].nr_init; k++)
			if (obj->maps[i].init[k].prog == prog)
				return true;
	return false;
}

/* "PROGRAM=SECTION" → the section, if it is about this program. */
static const char *attach_section(const char *row, const char *prog)
{
	size_t len = strlen(prog);

	return !strncmp(row, prog, len) && row[len] == '=' ? row + len + 1 : NULL;
}

static bool is_moved(const struct user *u, const struct prog *prog)
{
	for (const char *const *row = u->opts.attach; row && *row; row++)
		if (attach_section(*row, prog->name))
			return true;
	return false;
}

static int move_prog(struct user *u, const char *row, struct skep_diag *diag)
{
	const char *eq = strchr(row, '='), *section = eq ? eq + 1 : "", *target = "";
	const struct spec_section *sec = spec_section(section, &target);
	struct prog *to = &u->moved[u->nr_moved], *from = NULL;

	for (u32 i = 0; i < u->obj->nr_progs && !from; i++)
		if (attach_section(row, u->obj->progs[i].name))
			from = &u->obj->progs[i];
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
	u->nr_moved++;
	return 0;
}

static int move_progs(struct user *u, struct skep_diag *diag)
{
	u32 nr = 0;

	while (u->opts.attach && u->opts.attach[nr])
		nr++;
	u->moved = mem_calloc(nr, sizeof(*u->moved));
	if (!u->moved)
		return diag_nomem(diag);
	for (u32 i = 0; i < nr; i++) {
		int err = move_prog(u, u->opts.attach[i], diag);

		if (err)
			return err;
	}
	return 0;
}

static int make_prog(struct user *u, const struct prog *prog, bool is_target,
		     struct skep_diag *diag)
{
	struct user_prog *up = &u->progs[u->nr_progs];
	struct skep_diag why = {0};
	int err;

	if (!prog->autoload)
		return 0;
	if (!is_target && !hook_find(prog, &u->opts.hook, &why)) {
		if (!u->first_left_out.err)
			u->first_left_out = why;
		return 0;
	}
	err = vm_prog_new(u->vm, prog, &up->code, diag);
	if (err)
		return diag_at(diag, err, "program %s", prog->name);
	up->prog = prog;
	up->is_target = is_target;
	u->nr_progs++;
	return 0;
}

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* Is `b` the way without BTF to where `a` is attached? */
static bool is_same_place(const struct prog *a, const struct prog *b)
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

static const struct prog *better_one(const struct user *u, const struct prog *prog)
{
	for (u32 i = 0; i < u->obj->nr_progs; i++) {
		const struct prog *other = &u->obj->progs[i];

		if (other->autoload && is_same_place(other, prog) &&
		    hook_find(other, &u->opts.hook, NULL))
			return other;
	}
	return NULL;
}

#define MAX_TOLD 4 /* programs that are left out, one line each; then their names */

struct left_out {
	u32 nr;
	struct strbuf more;
};

static void tell_left_out(const struct user *u, const struct prog *prog, struct left_out *l)
{
	struct skep_diag why = {0};

	if (!prog->autoload || is_tail_call_target(u->obj, prog) ||
	    hook_find(prog, &u->opts.hook, &why))
		return;
	if (l->nr++ >= MAX_TOLD)
		strbuf_printf(&l->more, "%s%s", l->more.len ? ", " : "", prog->name);
	(l->nr > MAX_TOLD ? log_info : log_warn)("left out: program %s, SEC(\"%s\"): %s",
						 prog->name, prog->section, why.message);
}

/* Some were left out: say which. All of them: that is an error. */
static int check_left_out(struct user *u, struct skep_diag *diag)
{
	struct left_out l = {0};

	if (!u->nr_progs) {
		if (!u->first_left_out.err)
			return diag_set(diag, -ENOENT, "there is no program to run");
		if (diag)
			*diag = u->first_left_out;
		return u->first_left_out.err;
	}
	for (u32 i = 0; i < u->nr_moved && u->first_left_out.err; i++)
		tell_left_out(u, &u->moved[i], &l);
	for (u32 i = 0; i < u->obj->nr_progs && u->first_left_out.err; i++)
		if (!is_moved(u, &u->obj->progs[i]))
			tell_left_out(u, &u->obj->progs[i], &l);
	if (l.more.len)
		log_warn("left out: %u more programs (-v says why): %s", l.nr - MAX_TOLD,
			 strbuf_str(&l.more));
	strbuf_done(&l.more);
	return 0;
}

int user_make_progs(struct user *u, struct skep_diag *diag)
{
	int err = move_progs(u, diag);

	if (err)
		return err;
	u->progs = mem_calloc(u->obj->nr_progs + u->nr_moved, sizeof(*u->progs));
	u->attached = mem_calloc(u->obj->nr_progs + u->nr_moved, sizeof(*u->attached));
	if (!u->progs || !u->attached)
		return diag_nomem(diag);
	for (u32 i = 0; i < u->nr_moved && !err; i++)
		err = make_prog(u, &u->moved[i], false, diag);
	for (u32 i = 0; i < u->obj->nr_progs && !err; i++) {
		const struct prog *prog = &u->obj->progs[i];

		const struct prog *better = better_one(u, prog);

		if (better)
			log_warn("left out: program %s, SEC(\"%s\"): %s does the same (--prog %s "
				 "takes this one)",
				 prog->name, prog->section, better->name, prog->name);
		else if (!is_moved(u, prog))
			err = make_prog(u, prog, is_tail_call_target(u->obj, prog), diag);
	}
	return err ? err : check_left_out(u, diag);
}

int user_attach(struct user *u, struct skep_diag *diag)
{
	for (u32 i = 0; i < u->nr_progs; i++) {
		struct user_prog *up = &u->progs[i];
		int err;

		if (up->is_target)
			continue;
		err = hook_attach(u->hooks, up->prog, up->code, &u->attached[u->nr_attached], diag);
		if (err)
			return err;
		u->nr_attached++;
	}
	return 0;
}

void user_free_progs(struct user *u)
{
	mem_free(u->progs);
	mem_free(u->attached);
	mem_free(u->moved);
}
