/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Functions of the kernel through kprobes: one, a system call, all that match a pattern. */
#include "base/file.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include "spec/uapi.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RET     1
#define SESSION 2

#define MULTI_RETURN 1 /* BPF_F_KPROBE_MULTI_RETURN */

static int check_kprobes(struct skep_diag *diag)
{
	if (file_exists("/sys/bus/event_source/devices/kprobe"))
		return 0;
	return diag_set_full(diag, -EOPNOTSUPP, "no-kprobes",
			     "fentry/, tp_btf/ or a tracepoint may do; else another kernel",
			     "this kernel has no kprobes (CONFIG_KPROBES, CONFIG_KPROBE_EVENTS)");
}

static bool is_missing(int err)
{
	return err == ENOENT || err == EADDRNOTAVAIL || err == ESRCH;
}

int kernel_attach_kprobe(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	const char *target = p->prog->target, *plus = strchr(target, '+');
	LIBBPF_OPTS(bpf_kprobe_opts, opts, .retprobe = p->kind->arg & RET);
	struct bpf_link *link;
	char func[256];
	int err = check_kprobes(diag);

	if (err)
		return err;
	if (!*target)
		return diag_set_full(diag, -EINVAL, "needs-target",
				     "--attach PROGRAM=kprobe/FUNCTION",
				     "the section names no function");
	snprintf(func, sizeof(func), "%.*s", (int)strcspn(target, "+"), target);
	opts.offset = plus ? strtoul(plus + 1, NULL, 0) : 0;
	link = bpf_program__attach_kprobe_opts(p->bpf, func, &opts);
	if (!link && is_missing(errno))
		return kernel_no_function(k, func, diag);
	if (!link && errno == EINVAL)
		return kernel_no_probe(diag, -errno, func);
	return kernel_attached(k, p, link, diag, "%sprobe of %s", opts.retprobe ? "kret" : "k",
			       target);
}

int kernel_attach_ksyscall(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	LIBBPF_OPTS(bpf_ksyscall_opts, opts, .retprobe = p->kind->arg & RET);
	struct bpf_link *link;
	char func[256];
	int err = check_kprobes(diag);

	if (err)
		return err;
	link = bpf_program__attach_ksyscall(p->bpf, p->prog->target, &opts);
	if (!link && is_missing(errno)) {
		snprintf(func, sizeof(func), "__x64_sys_%s", p->prog->target);
		return kernel_no_function(k, func, diag);
	}
	return kernel_attached(k, p, link, diag, "system call %s%s", p->prog->target,
			       opts.retprobe ? " (return)" : "");
}

/* --- many at once ----------------------------------------------------------------------------- */

struct names {
	VEC(char *) v;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_unique(struct names *n)
{
	size_t kept = 0;

	qsort(n->v.data, n->v.nr, sizeof(*n->v.data), compare);
	for (size_t i = 0; i < n->v.nr; i++) {
		if (kept && !strcmp(n->v.data[kept - 1], n->v.data[i]))
			mem_free(n->v.data[i]);
		else
			n->v.data[kept++] = n->v.data[i];
	}
	n->v.nr = kept;
}

/* "vfs_read" or "ext4_map_blocks [ext4]": what ftrace can reach is what can be attached. */
static int collect(FILE *f, const char *pattern, struct names *n)
{
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		char **slot;

		line[strcspn(line, " \t\n")] = 0;
		if (fnmatch(pattern, line, 0) || !strncmp(line, "__ftrace_invalid", 16))
			continue;
		slot = VEC_PUSH(&n->v);
		if (!slot || !(*slot = mem_strdup(line)))
			return -ENOMEM;
	}
	sort_unique(n);
	return n->v.nr ? 0 : -ENOENT;
}

static int find_names(struct kernel_engine *k, const char *pattern, struct names *n,
		      struct skep_diag *diag)
{
	int tracefs = kernel_tracefs(k, diag), fd, err;
	FILE *f;

	if (tracefs < 0)
		return tracefs;
	fd = openat(tracefs, "available_filter_functions", O_RDONLY | O_CLOEXEC);
	f = fd < 0 ? NULL : fdopen(fd, "re");
	if (!f)
		return diag_set(diag, -EOPNOTSUPP,
				"this kernel does not say which functions can be probed "
				"(CONFIG_DYNAMIC_FTRACE)");
	err = collect(f, pattern, n);
	fclose(f);
	return err == -ENOENT ? kernel_no_function(k, pattern, diag) : err ? diag_nomem(diag) : 0;
}

int kernel_attach_kprobe_multi(struct kernel_engine *k, struct kernel_prog *p,
			       struct skep_diag *diag)
{
	struct sys_link attr = {
		.prog_fd = (u32)bpf_program__fd(p->bpf),
		.attach_type = p->kind->arg & SESSION ? SPEC_ATTACH_TRACE_KPROBE_SESSION
						      : SPEC_ATTACH_TRACE_KPROBE_MULTI,
		.kprobe_multi.flags = p->kind->arg & RET ? MULTI_RETURN : 0,
	};
	struct names n = {0};
	int err = find_names(k, p->prog->target, &n, diag);

	if (!err) {
		attr.kprobe_multi.syms = (uintptr_t)n.v.data;
		attr.kprobe_multi.cnt = (u32)n.v.nr;
		err = sys_link_create(&attr);
		if (err == -EOPNOTSUPP)
			diag_set_full(
				diag, err, "no-kprobes", "kprobe/ does one function",
				"this kernel has no probes of many functions (CONFIG_FPROBE)");
		err = kernel_attached_fd(k, p, err, diag, "%s (%zu functions)", p->prog->section,
					 n.v.nr);
	}
	for (size_t i = 0; i < n.v.nr; i++)
		mem_free(n.v.data[i]);
	VEC_DONE(&n.v);
	return err;
}
