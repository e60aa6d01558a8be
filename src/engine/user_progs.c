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
#include <errno.h>
#include <string.h>

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

static const struct prog *better_one(const struct user *u, const struct prog *prog)
{
	for (u32 i = 0; i < u->obj->nr_progs; i++) {
		const struct prog *other = &u->obj->progs[i];

		if (other->autoload && select_is_same_place(other, prog) &&
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

	if (!prog->autoload || select_is_tail_call_target(u->obj, prog) ||
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
	for (u32 i = 0; i < u->moved.nr && u->first_left_out.err; i++)
		tell_left_out(u, &u->moved.progs[i], &l);
	for (u32 i = 0; i < u->obj->nr_progs && u->first_left_out.err; i++)
		if (!select_is_moved(&u->moved, &u->obj->progs[i]))
			tell_left_out(u, &u->obj->progs[i], &l);
	if (l.more.len)
		log_warn("left out: %u more programs (-v says why): %s", l.nr - MAX_TOLD,
			 strbuf_str(&l.more));
	strbuf_done(&l.more);
	return 0;
}

int user_make_progs(struct user *u, struct skep_diag *diag)
{
	int err = select_move(u->obj, u->opts.attach, &u->moved, diag);

	if (err)
		return err;
	u->progs = mem_calloc(u->obj->nr_progs + u->moved.nr, sizeof(*u->progs));
	u->attached = mem_calloc(u->obj->nr_progs + u->moved.nr, sizeof(*u->attached));
	if (!u->progs || !u->attached)
		return diag_nomem(diag);
	for (u32 i = 0; i < u->moved.nr && !err; i++)
		err = make_prog(u, &u->moved.progs[i], false, diag);
	for (u32 i = 0; i < u->obj->nr_progs && !err; i++) {
		const struct prog *prog = &u->obj->progs[i];

		const struct prog *better = better_one(u, prog);

		if (better)
			log_warn("left out: program %s, SEC(\"%s\"): %s does the same (--prog %s "
				 "takes this one)",
				 prog->name, prog->section, better->name, prog->name);
		else if (!select_is_moved(&u->moved, prog))
			err = make_prog(u, prog, select_is_tail_call_target(u->obj, prog), diag);
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
	mem_free(u->moved.progs);
}
