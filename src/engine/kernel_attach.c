/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Attaching: each program to where its section or an option says, in the object's order. One that
 * has no such place here (the function was renamed, the tracepoint is not in this kernel) is left
 * out with a warning, as in the user engine; it is an error when that leaves nothing.
 */
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *text_of(const char *fmt, va_list ap)
{
	struct strbuf sb = {0};

	strbuf_vprintf(&sb, fmt, ap);
	return sb.s;
}

static int refused(struct kernel_prog *p, int err, const char *where, struct skep_diag *diag)
{
	const char *said = kernel_log_first();

	return diag_set(diag, err, "can't be attached to %s: %s%s%s", where, strerror(-err),
			*said ? "; libbpf: " : "", said);
}

static int attached(struct kernel_engine *k, struct kernel_prog *p, struct kernel_link link,
		    int err, struct skep_diag *diag)
{
	if (!link.where)
		err = diag_nomem(diag);
	else if (err)
		err = refused(p, err, link.where, diag);
	if (err) {
		mem_free(link.where);
		bpf_link__destroy(link.bpf);
		if (link.fd >= 0)
			close(link.fd);
		return err;
	}
	link.prog = p;
	log_info("program %s is attached to %s", p->prog->name, link.where);
	return kernel_link_add(k, link, diag);
}

int kernel_attached(struct kernel_engine *k, struct kernel_prog *p, struct bpf_link *bpf,
		    struct skep_diag *diag, const char *fmt, ...)
{
	int err = bpf ? 0 : -errno;
	struct kernel_link link = {.bpf = bpf, .fd = -1};
	va_list ap;

	va_start(ap, fmt);
	link.where = text_of(fmt, ap);
	va_end(ap);
	return attached(k, p, link, err, diag);
}

int kernel_attached_fd(struct kernel_engine *k, struct kernel_prog *p, int fd,
		       struct skep_diag *diag, const char *fmt, ...)
{
	struct kernel_link link = {.fd = fd < 0 ? -1 : fd};
	va_list ap;

	va_start(ap, fmt);
	link.where = text_of(fmt, ap);
	va_end(ap);
	return attached(k, p, link, fd < 0 ? fd : 0, diag);
}

/* A section that leaves open what is to be done; kernel_check_needs has said so. */
int kernel_attach_open(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	return diag_set(diag, -EINVAL, "SEC(\"%s\") does not say where it belongs",
			p->prog->section);
}

static int attach_one(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	int err;

	if (p->is_target || !p->kind->attach)
		return 0;
	kernel_log_begin();
	err = kernel_netns_enter(k, diag);
	if (err)
		return err;
	err = p->kind->attach(k, p, diag);
	kernel_netns_leave(k);
	return err ? diag_at(diag, err, "program %s, SEC(\"%s\")", p->prog->name, p->prog->section)
		   : 0;
}

/* The place, or the way to it, is not in this kernel. */
static bool is_missing(const struct skep_diag *why)
{
	return !strcmp(why->id, "no-such-place") || !strcmp(why->id, "no-kprobes");
}

static void tell_left_out(const struct skep_diag *why)
{
	log_warn("left out: %s: %s%s%s%s", why->where, why->message, *why->hint ? " (" : "",
		 why->hint, *why->hint ? ")" : "");
}

/* Maps of sockets first: what is put into one before its programs are there never sees them. */
static bool is_turn(const struct kernel_prog *p, int pass)
{
	return (p->kind->attach == kernel_attach_sockmap) == !pass;
}

struct attempt {
	u32 nr_left_out;
	struct skep_diag *left_out; /* why, of each */
};

static int attach_pass(struct kernel_engine *k, int pass, struct attempt *a, struct skep_diag *diag)
{
	for (u32 i = 0; i < k->nr_progs; i++) {
		struct skep_diag why = {0};
		int err = is_turn(&k->progs[i], pass) ? attach_one(k, &k->progs[i], &why) : 0;

		if (err && !is_missing(&why)) {
			if (diag)
				*diag = why;
			return err;
		}
		if (err)
			a->left_out[a->nr_left_out++] = why;
	}
	return 0;
}

int kernel_attach(struct kernel_engine *k, struct skep_diag *diag)
{
	struct attempt a = {.left_out = mem_calloc(k->nr_progs + 1, sizeof(*a.left_out))};
	int err = a.left_out ? 0 : diag_nomem(diag);

	for (int pass = 0; pass < 2 && !err; pass++)
		err = attach_pass(k, pass, &a, diag);
	err = err ? err : kernel_struct_ops_attach(k, diag);
	if (!err && a.nr_left_out && a.nr_left_out == k->nr_progs) {
		if (diag)
			*diag = a.left_out[0];
		err = a.left_out[0].err;
	}
	for (u32 i = 0; i < a.nr_left_out && !err; i++)
		tell_left_out(&a.left_out[i]);
	mem_free(a.left_out);
	return err;
}
