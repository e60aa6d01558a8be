/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Places in the kernel that it offers itself: tracepoints, raw or by BTF, functions through
 * trampolines, security hooks, other programs.
 */
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include "spec/uapi.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- tracepoints ------------------------------------------------------------------------------ */

/* "events/sched/sched_switch/id" below tracefs; a number or -errno. */
static int tracepoint_id(int tracefs, const char *category, const char *name)
{
	char path[256], text[32] = "";
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "events/%s/%s/id", category, name);
	fd = openat(tracefs, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? atoi(text) : -EIO;
}

int kernel_open_tracepoint(struct kernel_engine *k, const char *target, struct skep_diag *diag)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	const char *slash = strchr(target, '/');
	int tracefs = kernel_tracefs(k, diag), id, fd;
	char category[128];

	if (tracefs < 0)
		return tracefs;
	if (!slash || (size_t)(slash - target) >= sizeof(category))
		return diag_set(diag, -EINVAL, "\"%s\" is not CATEGORY/NAME", target);
	snprintf(category, sizeof(category), "%.*s", (int)(slash - target), target);
	id = tracepoint_id(tracefs, category, slash + 1);
	if (id == -ENOENT)
		return kernel_no_tracepoint(k, target, diag);
	if (id < 0)
		return diag_set(diag, id, "tracepoint %s: its id can't be read: %s", target,
				strerror(-id));
	attr.config = (u64)id;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? diag_set(diag, -errno, "tracepoint %s: perf_event_open: %s", target,
				 strerror(errno))
		      : fd;
}

int kernel_attach_tracepoint(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	int fd = kernel_open_tracepoint(k, p->prog->target, diag);
	struct bpf_link *link;

	if (fd < 0)
		return fd;
	link = bpf_program__attach_perf_event(p->bpf, fd); /* the link owns fd */
	if (!link)
		close(fd);
	return kernel_attached(k, p, link, diag, "tracepoint %s", p->prog->target);
}

int kernel_attach_raw_tp(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	struct bpf_link *link = bpf_program__attach_raw_tracepoint(p->bpf, p->prog->target);

	if (!link && errno == ENOENT)
		return kernel_no_tracepoint(k, p->prog->target, diag);
	return kernel_attached(k, p, link, diag, "raw tracepoint %s", p->prog->target);
}

/* --- by BTF ----------------------------------------------------------------------------------- */

/* libbpf finds the function by the section that it read; a section of ours needs a word from us. */
static bool knows_section(const struct kernel_prog *p)
{
	return bpf_program__type(p->bpf) == (enum bpf_prog_type)p->prog->type &&
	       !strcmp(bpf_program__section_name(p->bpf) +
			       (bpf_program__section_name(p->bpf)[0] == '?'),
		       p->prog->section);
}

int kernel_prepare_btf(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	bool is_trace = !strncmp(p->prog->section, "fentry", 6) ||
			!strncmp(p->prog->section, "fexit", 5);
	int fd = is_trace ? kernel_target_prog(k, diag) : -1, err;

	if (fd < -1)
		return fd;
	if (fd < 0 && (kernel_ids_use(k, p) || knows_section(p)))
		return 0;
	err = bpf_program__set_attach_target(p->bpf, fd < 0 ? 0 : fd, p->prog->target);
	if (!err)
		return 0;
	if (err == -ENOENT || err == -ESRCH)
		return kernel_no_function(k, p->prog->target, diag);
	return diag_set(diag, err, "%s: %s", p->prog->target,
			*kernel_log_first() ? kernel_log_first() : strerror(-err));
}

int kernel_attach_trace(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	struct bpf_link *link = bpf_program__attach_trace(p->bpf);

	if (!link && (errno == EBUSY || errno == EINVAL || errno == ENOENT))
		return kernel_no_probe(diag, -errno, p->prog->target);
	return kernel_attached(k, p, link, diag, "%s", p->prog->section);
}

int kernel_attach_lsm(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	return kernel_attached(k, p, bpf_program__attach_lsm(p->bpf), diag, "security hook %s",
			       p->prog->target);
}

int kernel_prepare_freplace(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	int fd = kernel_target_prog(k, diag), err;

	if (fd < 0)
		return fd;
	err = bpf_program__set_attach_target(p->bpf, fd, p->prog->target);
	return err ? diag_set(diag, err, "program %s has no function \"%s\" to replace: %s",
			      k->opts.target.prog, p->prog->target,
			      *kernel_log_first() ? kernel_log_first() : strerror(-err))
		   : 0;
}

int kernel_attach_freplace(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	return kernel_attached(k, p, bpf_program__attach_freplace(p->bpf, 0, NULL), diag,
			       "function %s of program %s", p->prog->target, k->opts.target.prog);
}

/* --- many functions at once, by BTF ids (Linux 7.2) ------------------------------------------- */

struct ids {
	VEC(u32) v;
};

static int collect(const struct btf *btf, const char *pattern, struct ids *ids)
{
	u32 nr = btf__type_cnt(btf);

	for (u32 id = 1; id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		u32 *slot;

		if (!btf_is_func(t) || fnmatch(pattern, btf__name_by_offset(btf, t->name_off), 0))
			continue;
		slot = VEC_PUSH(&ids->v);
		if (!slot)
			return -ENOMEM;
		*slot = id;
	}
	return ids->v.nr ? 0 : -ENOENT;
}

int kernel_attach_tracing_multi(struct kernel_engine *k, struct kernel_prog *p,
				struct skep_diag *diag)
{
	struct sys_link attr = {
		.prog_fd = (u32)bpf_program__fd(p->bpf),
		.attach_type = p->prog->attach_type,
	};
	struct ids ids = {0};
	const struct btf *btf = k->opts.find_kernel_btf(k->opts.ctx);
	int err = btf ? collect(btf, p->prog->target, &ids) : -ENOENT;

	if (err == -ENOENT)
		return kernel_no_function(k, p->prog->target, diag);
	attr.tracing_multi.ids = (uintptr_t)ids.v.data;
	attr.tracing_multi.cnt = (u32)ids.v.nr;
	err = err ? diag_nomem(diag)
		  : kernel_attached_fd(k, p, sys_link_create(&attr), diag, "%s (%zu functions)",
				       p->prog->section, ids.v.nr);
	VEC_DONE(&ids.v);
	return err;
}
