/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Programs that run once and are done: an iterator, whose text goes to the caller, and a syscall
 * program, which is run by a call of ours.
 */
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static int map_fd(struct kernel_engine *k, const char *name, struct skep_diag *diag)
{
	int idx = object_map_idx(k->obj, name), fd;

	if (idx >= 0)
		return k->maps[idx].fd;
	fd = kernel_map_open(name, diag);
	if (fd < 0)
		return fd;
	return kernel_link_add(k, (struct kernel_link){.fd = fd}, diag) ?: fd;
}

/* What the iterator is about, where that is not everything. */
static int fill_info(struct kernel_engine *k, struct kernel_prog *p, union bpf_iter_link_info *info,
		     struct skep_diag *diag)
{
	const struct engine_targets *t = &k->opts.target;
	const char *over = p->prog->target;
	int fd;

	if (!strcmp(over, "bpf_map_elem") || !strcmp(over, "bpf_sk_storage_map") ||
	    !strcmp(over, "sockmap")) {
		fd = map_fd(k, t->map, diag);
		info->map.map_fd = (u32)fd;
		return fd < 0 ? fd : 1;
	}
	if (!strcmp(over, "cgroup")) {
		fd = kernel_cgroup_open(t->cgroup, diag);
		if (fd < 0)
			return fd;
		info->cgroup.cgroup_fd = (u32)fd;
		info->cgroup.order = BPF_CGROUP_ITER_DESCENDANTS_PRE;
		return kernel_link_add(k, (struct kernel_link){.fd = fd}, diag) ?: 1;
	}
	if (starts_with(over, "task") && k->opts.hook.pid) {
		info->task.pid = k->opts.hook.pid;
		return 1;
	}
	return 0;
}

static int deliver(struct kernel_engine *k, struct kernel_prog *p, const struct strbuf *text)
{
	struct skep_event ev = {
		.sz = sizeof(ev),
		.kind = SKEP_EVENT_TEXT,
		.map = p->prog->name,
		.comm = "",
		.data = strbuf_str(text),
		.size = text->len,
	};

	if (k->opts.event && !k->end)
		k->end = k->opts.event(k->opts.ctx, &ev);
	return 0;
}

/* Whole lines at a time: an iterator over everything may say a lot. */
#define CHUNK 65536

static int print_all(struct kernel_engine *k, struct kernel_prog *p, int fd, struct skep_diag *diag)
{
	struct strbuf text = {0};
	char *buf = mem_alloc(CHUNK);
	ssize_t n = buf ? 1 : -1;

	while (n > 0 && !k->end && !k->stopped) {
		const char *nl;

		n = read(fd, buf, CHUNK);
		if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
			n = 1;
			continue;
		}
		nl = n > 0 ? memrchr(buf, '\n', (size_t)n) : NULL;
		strbuf_add(&text, buf, nl ? (size_t)(nl + 1 - buf) : n > 0 ? (size_t)n : 0);
		if (!nl && n > 0 && text.len < 16 * CHUNK)
			continue;
		if (text.len)
			deliver(k, p, &text);
		strbuf_reset(&text);
		if (nl)
			strbuf_add(&text, nl + 1, (size_t)(buf + n - nl - 1));
	}
	if (n < 0)
		diag_set(diag, buf ? -errno : -ENOMEM, "reading it: %s", strerror(errno));
	mem_free(buf);
	strbuf_done(&text);
	return n < 0 ? -EIO : 0;
}

static int run_iter(struct kernel_engine *k, struct kernel_prog *p, int link_fd,
		    struct skep_diag *diag)
{
	int fd = bpf_iter_create(link_fd), err;

	if (fd < 0)
		return diag_set(diag, -errno, "can't be read: %s", strerror(errno));
	err = print_all(k, p, fd, diag);
	close(fd);
	p->is_once = true;
	return err;
}

int kernel_attach_iter(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	union bpf_iter_link_info info = {0};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	int has_info = fill_info(k, p, &info, diag), err;
	struct bpf_link *link;

	if (has_info < 0)
		return has_info;
	link = bpf_program__attach_iter(p->bpf, has_info ? &opts : NULL);
	err = kernel_attached(k, p, link, diag, "iterator %s", p->prog->target);
	return err || k->opts.target.pin ? err : run_iter(k, p, bpf_link__fd(link), diag);
}

int kernel_run_syscall(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err = bpf_prog_test_run_opts(bpf_program__fd(p->bpf), &opts);
	struct hook_prog hp = {.prog = p->prog};

	if (err)
		return diag_set(diag, -errno, "can't be run: %s", strerror(errno));
	log_info("program %s ran and returned %d", p->prog->name, (int)opts.retval);
	if (k->opts.hook.result)
		k->opts.hook.result(k->opts.hook.ctx, &hp, opts.retval);
	p->is_once = true;
	return 0;
}
