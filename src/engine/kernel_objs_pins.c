/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What is pinned where: all BPF file systems that are mounted here, walked. */
#include "base/file.h"
#include "base/mem.h"
#include "engine/kernel_objs.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEPTH 32         /* directories inside each other */
#define MAX_PINS  (1u << 18) /* in all */

static int keep(struct kobj_world *w, const char *path)
{
	int fd = kobj_open_path(path), kind = fd < 0 ? -1 : kobj_fd_kind(fd);
	struct kobj_pin *pin;
	u64 id;

	if (fd < 0)
		return 0;
	if (kind < 0 || !kobj_fdinfo(fd, kobj_kinds[kind].key, &id))
		id = 0;
	close(fd);
	if (!id || w->pins.nr >= MAX_PINS)
		return 0;
	pin = VEC_PUSH(&w->pins);
	if (!pin)
		return -ENOMEM;
	*pin = (struct kobj_pin){.kind = (enum skep_kernel_kind)kind,
				 .id = (u32)id,
				 .path = arena_strdup(&w->arena, path)};
	return pin->path ? 0 : -ENOMEM;
}

static int walk(struct kobj_world *w, const char *path, u32 depth)
{
	DIR *dir = depth < MAX_DEPTH ? opendir(path) : NULL;
	struct dirent *e;
	int err = 0;

	while (!err && dir && (e = readdir(dir))) {
		struct stat st;
		char *sub;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		sub = mem_printf("%s/%s", path, e->d_name);
		if (!sub)
			err = -ENOMEM;
		else if (!lstat(sub, &st) && S_ISDIR(st.st_mode))
			err = walk(w, sub, depth + 1);
		else
			err = keep(w, sub);
		mem_free(sub);
	}
	if (dir)
		closedir(dir);
	return err;
}

/* mountinfo writes blanks and kin as \ooo. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		u32 c;

		if (s[0] == '\\' && sscanf(s + 1, "%3o", &c) == 1 && s[1] && s[2] && s[3]) {
			*to = (char)c;
			s += 3;
		} else {
			*to = *s;
		}
	}
	*to = 0;
}

/* Where a line of mountinfo has a BPF file system mounted, in place; NULL: it is another one. */
static char *mount_point(char *line)
{
	const char *type = strstr(line, " - ");
	char *end;

	if (!type || strncmp(type + 3, "bpf ", 4))
		return NULL;
	for (int i = 0; i < 4 && line; i++) { /* the fifth word */
		line = strchr(line, ' ');
		line += line ? 1 : 0;
	}
	end = line ? strchr(line, ' ') : NULL;
	if (!end)
		return NULL;
	*end = 0;
	unescape(line);
	return line;
}

int kobj_scan_pins(struct kobj_world *w)
{
	char *text, *next;
	size_t size;
	int err = 0;

	if (file_read("/proc/self/mountinfo", 0, &text, &size, NULL))
		return 0; /* no /proc: nothing is known */
	for (char *line = text; *line && !err; line = next) {
		char *at;

		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = 0;
		at = mount_point(line);
		if (at)
			err = walk(w, at, 0);
	}
	mem_free(text);
	return err;
}

void kobj_add_pins(struct kobj_world *w, struct skep_value *o, enum skep_kernel_kind kind, u32 id)
{
	struct skep_value *list = NULL;

	for (size_t i = 0; i < w->pins.nr; i++) {
		const struct kobj_pin *pin = &w->pins.data[i];

		if (pin->kind != kind || pin->id != id)
			continue;
		if (!list)
			list = kobj_add(&w->tree, o, "pinned", SKEP_VALUE_LIST);
		kobj_text(&w->tree, list, NULL, pin->path);
	}
}
