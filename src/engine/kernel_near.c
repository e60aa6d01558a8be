/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A place that this kernel has not: a function that was inlined or renamed, a tracepoint that went.
 * The names nearest to it are told: what begins or ends with it, what shares its longest word.
 */
#include "base/file.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_NEAR 5
#define MAX_NAME 128

struct near {
	const char *want;
	char names[MAX_NEAR][MAX_NAME];
	u32 scores[MAX_NEAR]; /* the smaller, the nearer */
	u32 nr;
};

static u32 min3(u32 a, u32 b, u32 c)
{
	u32 m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many letters must change. */
static u32 distance(const char *a, const char *b)
{
	u32 row[MAX_NAME + 1], la = (u32)strlen(a), lb = (u32)strlen(b);

	for (u32 j = 0; j <= lb; j++)
		row[j] = j;
	for (u32 i = 1; i <= la; i++) {
		u32 before = row[0];

		row[0] = i;
		for (u32 j = 1; j <= lb; j++) {
			u32 up = row[j];

			row[j] = min3(up + 1, row[j - 1] + 1, before + (a[i - 1] != b[j - 1]));
			before = up;
		}
	}
	return row[lb];
}

static void consider(struct near *n, const char *name)
{
	size_t len = strlen(name), want = strlen(n->want);
	u32 score, at;

	if (len >= MAX_NAME || want >= MAX_NAME || len > 2 * want + 8 || want > 2 * len + 8)
		return;
	score = distance(n->want, name);
	if (strstr(name, n->want) || strstr(n->want, name))
		score /= 4; /* f became __f or f.isra.0 */
	if (score > want / 2)
		return;
	for (at = 0; at < n->nr; at++)
		if (!strcmp(n->names[at], name))
			return;
	for (at = n->nr < MAX_NEAR ? n->nr++ : MAX_NEAR; at && n->scores[at - 1] > score; at--)
		if (at < MAX_NEAR) {
			n->scores[at] = n->scores[at - 1];
			memcpy(n->names[at], n->names[at - 1], MAX_NAME);
		}
	if (at < MAX_NEAR) {
		n->scores[at] = score;
		snprintf(n->names[at], MAX_NAME, "%s", name);
	}
}

static int give(const struct near *n, const char *what, struct skep_diag *diag)
{
	struct strbuf list = {0};

	for (u32 i = 0; i < n->nr; i++)
		strbuf_printf(&list, "%s%s", i ? ", " : "", n->names[i]);
	diag_set_full(diag, -ENOENT, "no-such-place",
		      n->nr ? "--attach PROGRAM=SECTION attaches it elsewhere" : NULL,
		      "this kernel has no %s %s%s%s", what, n->want, n->nr ? "; near it: " : "",
		      strbuf_str(&list));
	strbuf_done(&list);
	return -ENOENT;
}

static void read_kallsyms(struct near *n)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		char name[MAX_NAME], type;

		if (sscanf(line, "%*s %c %127s", &type, name) == 2 && (type | 0x20) == 't')
			consider(n, name);
	}
	if (f)
		fclose(f);
}

static void read_btf(struct near *n, const struct btf *btf)
{
	u32 nr = btf ? btf__type_cnt(btf) : 0;

	for (u32 id = 1; id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (btf_is_func(t))
			consider(n, btf__name_by_offset(btf, t->name_off));
	}
}

int kernel_no_function(struct kernel_engine *k, const char *name, struct skep_diag *diag)
{
	struct near n = {.want = name};

	read_kallsyms(&n);
	if (!n.nr)
		read_btf(&n, k->opts.find_kernel_btf(k->opts.ctx));
	return give(&n, "function", diag);
}

int kernel_no_probe(struct skep_diag *diag, int err, const char *name)
{
	return diag_set_full(diag, err, "no-such-place",
			     "--attach PROGRAM=SECTION attaches it elsewhere",
			     "Linux can't put a probe on function %s: %s (inlined in part, or not "
			     "to be traced)",
			     name, strerror(-err));
}

static void read_dir(struct near *n, int tracefs, const char *path, bool with_category)
{
	int fd = openat(tracefs, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const char *category = strrchr(path, '/') + 1;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char name[MAX_NAME + sizeof(e->d_name)];

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%.100s%s%s", with_category ? category : "",
			 with_category ? "/" : "", e->d_name);
		consider(n, name);
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

static void read_tracepoints(struct kernel_engine *k, struct near *n)
{
	int tracefs = kernel_tracefs(k, NULL), fd;
	struct dirent *e;
	DIR *d;

	fd = tracefs < 0 ? -1 : openat(tracefs, "events", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (e = readdir(d))) {
		char path[sizeof(e->d_name) + 8];

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "events/%s", e->d_name);
		read_dir(n, tracefs, path, strchr(n->want, '/') != NULL);
	}
	if (d)
		closedir(d);
}

int kernel_no_tracepoint(struct kernel_engine *k, const char *name, struct skep_diag *diag)
{
	struct near n = {.want = name};

	read_tracepoints(k, &n);
	return give(&n, "tracepoint", diag);
}
