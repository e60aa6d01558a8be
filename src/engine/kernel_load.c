/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Loading. libbpf loads all or nothing, so a program that can be done without is dropped, and the
 * object opened and loaded once more:
 *
 *   - one whose function this kernel has not, as long as others are left (with a warning);
 *   - the better of two for the same place (fentry and kprobe): the other one does the same.
 *
 * Should Linux not like what we put into the programs, they are loaded as they are.
 */
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include <errno.h>
#include <string.h>

static int load(struct kernel_engine *k)
{
	kernel_log_begin();
	return bpf_object__load(k->bpf);
}

static int again(struct kernel_engine *k, struct skep_diag *diag)
{
	int err;

	k->is_again = true;
	bpf_object__close(k->bpf);
	k->bpf = NULL;
	mem_free(k->progs);
	mem_free(k->moved.progs);
	k->progs = NULL;
	k->moved = (struct moved_progs){0};
	k->nr_progs = 0;
	err = kernel_open(k, diag);
	err = err ? err : kernel_fill(k, diag);
	return err ? err : load(k);
}

/* --- what can be dropped ---------------------------------------------------------------------- */

static bool has_function(const char *said)
{
	return !strstr(said, "failed to find kernel BTF type ID");
}

/* The one without BTF for the same place; NULL: there is none that is loaded. */
static const struct prog *other_way(const struct kernel_engine *k, const struct prog *prog)
{
	for (u32 i = 0; i < k->obj->nr_progs; i++) {
		const struct prog *other = &k->obj->progs[i];

		if (other->autoload && !k->dropped[i] && select_is_same_place(prog, other))
			return other;
	}
	return NULL;
}

static u32 nr_left(const struct kernel_engine *k)
{
	u32 nr = 0;

	for (u32 i = 0; i < k->obj->nr_progs; i++)
		nr += k->obj->progs[i].autoload && !k->dropped[i];
	return nr;
}

static void tell_missing(struct kernel_engine *k, const struct prog *prog)
{
	struct skep_diag why = {0};

	kernel_no_function(k, prog->target, &why);
	log_warn("left out: program %s, SEC(\"%s\"): %s", prog->name, prog->section, why.message);
}

/* May the program that failed be dropped? Then it is. */
static bool drop(struct kernel_engine *k, int err)
{
	const struct kernel_prog *p = kernel_culprit(k);
	const struct prog *prog = p ? p->prog : NULL, *other;
	bool missing = !has_function(kernel_log_first());
	size_t idx = prog ? (size_t)(prog - k->obj->progs) : 0;

	if (!prog || prog < k->obj->progs || idx >= k->obj->nr_progs)
		return false; /* --attach asked for it */
	other = other_way(k, prog);
	if (!other && (!missing || nr_left(k) < 2))
		return false;
	if (other)
		log_info("program %s, SEC(\"%s\"): %s; %s does the same", prog->name, prog->section,
			 missing ? "there is no such function" : strerror(-err), other->name);
	else
		tell_missing(k, prog);
	k->dropped[idx] = true;
	return true;
}

static bool is_verdict(void)
{
	return *kernel_log_verifier();
}

/* Once more, as the object is: should Linux not like what we put into it, that is our matter. */
static int unpatch(struct kernel_engine *k, struct skep_diag *diag)
{
	log_debug("Linux refuses the patched programs; once more without: %s", kernel_log_first());
	kernel_patch_done(&k->patch);
	k->unpatched = true;
	return again(k, diag);
}

int kernel_load_object(struct kernel_engine *k, struct skep_diag *diag)
{
	int err = load(k);

	while (err && !(diag && diag->err)) {
		if (k->patch.image && is_verdict())
			err = unpatch(k, diag);
		else if (drop(k, err))
			err = again(k, diag);
		else if (k->patch.image)
			err = unpatch(k, diag);
		else
			break;
	}
	kernel_ids_end(k);
	if (!err && k->unpatched)
		log_info("the programs are not patched: losses cannot be counted, and every record "
			 "may wake the reader");
	return err ? kernel_tell_refused(k, err, diag) : 0;
}
