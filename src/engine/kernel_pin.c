/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Keeping what was attached, and taking it off again. A pinned link stays attached without us; what
 * Linux holds without a link (filters, routes) stays anyway, and its undo record is pinned as the
 * name of a file. While a set is being made the guard would remove it; once whole, it is forgotten.
 */
#include "engine/kernel_pin.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include "engine/kernel_objs.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPFFS_MAGIC 0xcafe4a11
#define MAX_SET     64  /* characters of a set's name */
#define MAX_PATH    512 /* of a pinned file */

static const char *const kinds[] = {"links", "undo", "progs", "maps"};

/* --- where ------------------------------------------------------------------------------------ */

static bool is_bpffs(const char *path)
{
	struct statfs st;

	return !statfs(path, &st) && (u32)st.f_type == BPFFS_MAGIC;
}

const char *kernel_bpffs(char *buf, size_t size)
{
	FILE *f = is_bpffs("/sys/fs/bpf") ? NULL : fopen("/proc/self/mountinfo", "re");
	char line[1024], path[256];
	bool found = !f && is_bpffs("/sys/fs/bpf");

	snprintf(buf, size, "/sys/fs/bpf");
	while (f && !found && fgets(line, sizeof(line), f)) {
		if (!strstr(line, " - bpf ") || sscanf(line, "%*d %*d %*s %*s %255s", path) != 1)
			continue;
		snprintf(buf, size, "%s", path);
		found = is_bpffs(buf);
	}
	if (f)
		fclose(f);
	return found ? buf : NULL;
}

static int no_bpffs(struct skep_diag *diag)
{
	return diag_set_full(diag, -ENODEV, "no-bpffs", "mount -t bpf bpf /sys/fs/bpf",
			     "no BPF file system is mounted: nothing can be pinned");
}

/* A name that is one plain directory: bpffs keeps dots for itself. */
static int check_set(const char *set, struct skep_diag *diag)
{
	size_t len = strlen(set);

	for (const char *c = set; *c; c++)
		if (!isalnum((u8)*c) && *c != '_' && *c != '-')
			len = 0;
	if (len && len <= MAX_SET)
		return 0;
	return diag_set_full(diag, -EINVAL, "bad-name", NULL,
			     "\"%s\": a name has letters, digits, - and _, up to %d", set, MAX_SET);
}

static int set_dir(const char *set, char *dir, size_t size, struct skep_diag *diag)
{
	char root[256];
	int err = check_set(set, diag);

	if (err)
		return err;
	if (!kernel_bpffs(root, sizeof(root)))
		return no_bpffs(diag);
	snprintf(dir, size, "%s/skep/%s", root, set);
	return 0;
}

/* --- removing --------------------------------------------------------------------------------- */

static int undo_file(const char *name)
{
	struct kernel_undo u;

	return kernel_undo_parse(name, &u) ? 0 : kernel_undo_run(&u);
}

static int empty_dir(const char *dir, const char *kind)
{
	char path[MAX_PATH];
	struct dirent *e;
	int err = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", dir, kind);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (!strcmp(kind, "undo") && undo_file(e->d_name)) {
			err = -EXDEV; /* in another namespace: it stays */
			continue;
		}
		if (unlinkat(dirfd(d), e->d_name, 0))
			err = -errno;
	}
	if (d)
		closedir(d);
	if (d && rmdir(path) && !err)
		err = -errno;
	return err;
}

/* Links first: what is attached goes, and then what it needed. */
int kernel_unpin_dir(const char *dir)
{
	char *root;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !err; i++)
		err = empty_dir(dir, kinds[i]);
	if (rmdir(dir) && errno != ENOENT && !err)
		err = -errno;
	root = mem_strdup(dir);
	if (root) {
		*strrchr(root, '/') = 0;
		rmdir(root); /* the last one takes the directory of all with it */
	}
	mem_free(root);
	return err;
}

int kernel_unpin(const char *set, struct skep_diag *diag)
{
	char dir[MAX_PATH];
	int err = set_dir(set, dir, sizeof(dir), diag);

	if (err)
		return err;
	if (!file_exists(dir))
		return diag_set_full(diag, -ENOENT, "no-such-pin", "skep show pinned lists them",
				     "nothing is pinned as \"%s\"", set);
	err = kernel_unpin_dir(dir);
	if (err == -EXDEV)
		return diag_set_full(diag, err, "other-netns",
				     "run it there: nsenter --net=… skep unpin NAME",
				     "\"%s\" is attached in another network namespace, or can't be "
				     "taken off",
				     set);
	return err ? diag_set(diag, err, "%s: %s", dir, strerror(-err)) : 0;
}

/* --- making ----------------------------------------------------------------------------------- */

struct making {
	char dir[MAX_PATH];
	struct skep_diag *diag;
};

static int pin_fd(struct making *m, int fd, const char *kind, const char *name)
{
	char path[MAX_PATH + 300];
	size_t at;

	at = (size_t)snprintf(path, sizeof(path), "%s/%s/%s", m->dir, kind, name);
	at = at < sizeof(path) ? at - strlen(name) : 0;
	for (char *c = path + at; *c; c++)
		if (*c == '.' || *c == '/')
			*c = '_';
	if (!bpf_obj_pin(fd, path))
		return 0;
	return diag_set(m->diag, -errno, "can't pin %s: %s", path, strerror(errno));
}

static int make_dirs(struct making *m)
{
	char path[MAX_PATH + 16];
	int err;

	if (file_exists(m->dir))
		return diag_set_full(m->diag, -EEXIST, "pinned", "skep unpin NAME removes it",
				     "%s is there already", m->dir);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "%s/%s", m->dir, kinds[i]);
		err = file_mkdirs(path, m->diag);
		if (err)
			return err;
	}
	return 0;
}

/* Not every attachment is a link that can be pinned: sockets and, on old kernels, perf events. */
static int pin_link(struct making *m, const struct kernel_link *l, u32 nr)
{
	int fd = l->bpf ? bpf_link__fd(l->bpf) : l->fd, kind = kobj_fd_kind(fd);
	char name[300];

	if (!l->prog || kind == SKEP_KERNEL_PROGS || kind == SKEP_KERNEL_MAPS)
		return 0; /* Linux holds it without a link */
	if (kind != SKEP_KERNEL_LINKS)
		return diag_set_full(m->diag, -ENOTSUP, "no-pin", NULL,
				     "program %s: %s lasts only as long as skep runs",
				     l->prog->prog->name, l->where);
	snprintf(name, sizeof(name), "%u-%.255s", nr, l->prog->prog->name);
	return pin_fd(m, fd, "links", name);
}

static int pin_undo(void *ctx, const struct kernel_undo *u)
{
	struct making *m = ctx;
	int fd = bpf_prog_get_fd_by_id(u->prog_id), err;
	char name[256];

	if (fd < 0)
		return 0;
	kernel_undo_format(u, name, sizeof(name));
	err = pin_fd(m, fd, "undo", name);
	close(fd);
	return err;
}

static int pin_all(struct kernel_engine *k, struct making *m)
{
	int err = make_dirs(m);

	for (u32 i = 0; i < k->nr_maps && !err; i++)
		if (k->maps[i].fd >= 0)
			err = pin_fd(m, k->maps[i].fd, "maps", k->maps[i].def.name);
	for (u32 i = 0; i < k->nr_progs && !err; i++)
		if (!i || k->progs[i].bpf != k->progs[i - 1].bpf)
			err = pin_fd(m, bpf_program__fd(k->progs[i].bpf), "progs",
				     k->progs[i].prog->name);
	for (u32 i = 0; i < k->links.nr && !err; i++)
		err = pin_link(m, &k->links.data[i], i);
	return err ? err : kernel_guard_each(k, pin_undo, m);
}

int kernel_pin(struct kernel_engine *k, struct skep_diag *diag)
{
	struct kernel_undo undo = {.kind = UNDO_PIN};
	struct making m = {.diag = diag};
	int err = set_dir(k->opts.target.pin, m.dir, sizeof(m.dir), diag), slot;

	if (err)
		return err;
	if (file_exists(m.dir)) /* before the guard is told to remove it */
		return make_dirs(&m);
	snprintf(undo.path, sizeof(undo.path), "%.255s", m.dir);
	slot = kernel_guard_add(k, &undo, diag);
	if (slot < 0)
		return slot;
	err = pin_all(k, &m);
	if (err)
		return err;
	kernel_guard_forget_all(k);
	log_info("pinned: %s", m.dir);
	return 0;
}

/* --- listing ---------------------------------------------------------------------------------- */

static int not_hidden(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int each_file(const char *root, const char *set, const char *kind, kernel_pin_fn fn,
		     void *ctx)
{
	char path[MAX_PATH + 64];
	struct dirent **list = NULL;
	int nr, err = 0;

	snprintf(path, sizeof(path), "%.255s/%.255s/%s", root, set, kind);
	nr = scandir(path, &list, not_hidden, versionsort);
	for (int i = 0; i < nr; i++) {
		char *file = mem_printf("%s/%s", path, list[i]->d_name);

		err = err ? err : file ? fn(ctx, set, kind, list[i]->d_name, file) : -ENOMEM;
		mem_free(file);
		free(list[i]);
	}
	free(list);
	return err;
}

int kernel_pins_each(kernel_pin_fn fn, void *ctx, struct skep_diag *diag)
{
	char root[256], all[264];
	struct dirent **sets = NULL;
	int nr, err = 0;

	if (!kernel_bpffs(root, sizeof(root)))
		return 0; /* where nothing can be pinned, nothing is */
	snprintf(all, sizeof(all), "%s/skep", root);
	nr = scandir(all, &sets, not_hidden, alphasort);
	if (nr < 0 && errno != ENOENT)
		return diag_set(diag, -errno, "%s: %s", all, strerror(errno));
	for (int i = 0; i < nr; i++) {
		for (size_t j = 0; j < ARRAY_SIZE(kinds) && !err; j++)
			err = each_file(all, sets[i]->d_name, kinds[j], fn, ctx);
		free(sets[i]);
	}
	free(sets);
	return err;
}
