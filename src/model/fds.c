/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "model/fds.h"
#include "base/mem.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct model_fds {
	struct model *m;
	void *fdt;
	u64 *array; /* struct file *fd[], in the model */
	u64 *open;  /* open_fds */
	u64 ino[MODEL_MAX_FDS];
};

static void drop(struct model_fds *f, u32 fd)
{
	model_release(f->m, (void *)(uintptr_t)f->array[fd]);
	f->array[fd] = 0;
	f->ino[fd] = 0;
	f->open[fd / 64] &= ~(1ull << fd % 64);
}

static void show(struct model_fds *f, struct model_files *files, u32 pid, u32 fd)
{
	char link[64], path[4096];
	struct stat st;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%u/fd/%u", pid, fd);
	if (stat(link, &st) || (n = readlink(link, path, sizeof(path) - 1)) <= 0)
		return;
	path[n] = 0;
	if (f->array[fd] && f->ino[fd] != st.st_ino)
		drop(f, fd);
	if (!f->array[fd])
		f->array[fd] = (uintptr_t)model_file(files, path, &st, 0);
	f->ino[fd] = st.st_ino;
	f->open[fd / 64] |= 1ull << fd % 64;
}

void model_fds_fill(struct model_fds *f, struct model_files *files, u32 pid)
{
	bool is_there[MODEL_MAX_FDS] = {false};
	char path[64];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		u32 fd = strtoul(d->d_name, NULL, 10);

		if (d->d_name[0] < '0' || d->d_name[0] > '9' || fd >= MODEL_MAX_FDS)
			continue;
		show(f, files, pid, fd);
		is_there[fd] = true;
	}
	if (dir)
		closedir(dir);
	for (u32 fd = 0; fd < MODEL_MAX_FDS; fd++)
		if (f->array[fd] && !is_there[fd])
			drop(f, fd);
}

struct model_fds *model_fds_new(struct model *m, void *files_struct)
{
	struct model_fds *f = mem_zalloc(sizeof(*f));

	if (!f)
		return NULL;
	f->m = m;
	f->fdt = model_field(m, files_struct, "files_struct", "fdtab");
	f->array = model_alloc_bytes(m, MODEL_MAX_FDS * sizeof(*f->array));
	f->open = model_alloc_bytes(m, MODEL_MAX_FDS / 8);
	if (!f->fdt || !f->array || !f->open)
		return model_fds_free(f);
	model_set(m, f->fdt, "fdtable", "max_fds", MODEL_MAX_FDS);
	model_set(m, f->fdt, "fdtable", "fd", (uintptr_t)f->array);
	model_set(m, f->fdt, "fdtable", "open_fds", (uintptr_t)f->open);
	return f;
}

struct model_fds *model_fds_free(struct model_fds *f)
{
	if (!f)
		return NULL;
	for (u32 fd = 0; f->array && fd < MODEL_MAX_FDS; fd++)
		model_release(f->m, (void *)(uintptr_t)f->array[fd]);
	model_release(f->m, f->array);
	model_release(f->m, f->open);
	mem_free(f);
	return NULL;
}
