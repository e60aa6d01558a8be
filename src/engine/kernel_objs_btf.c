/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A BTF object in the kernel, described: whose it is, and which programs and maps use it. */
#include "engine/kernel_objs.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAX_NAME 256

static u32 prog_btf(int fd)
{
	struct bpf_prog_info info = {0};

	return kobj_info(fd, &info, sizeof(info)) ? 0 : info.btf_id;
}

static u32 map_btf(int fd)
{
	struct bpf_map_info info = {0};

	return kobj_info(fd, &info, sizeof(info)) ? 0 : info.btf_id;
}

/* Which programs or maps use that BTF. */
static void add_users(struct kobj_world *w, struct skep_value *o, u32 btf_id, const char *name,
		      enum skep_kernel_kind kind)
{
	struct skep_value *list = NULL;

	for (u32 id = 0; !kobj_next(kind, id, &id);) {
		int fd = kobj_open(kind, id);
		u32 of;

		if (fd < 0)
			continue;
		of = kind == SKEP_KERNEL_PROGS ? prog_btf(fd) : map_btf(fd);
		close(fd);
		if (of != btf_id)
			continue;
		if (!list)
			list = kobj_add(&w->tree, o, name, SKEP_VALUE_LIST);
		kobj_number(&w->tree, list, NULL, id);
	}
}

int kobj_describe_btf(struct kobj_world *w, int fd, struct skep_value *o)
{
	char name[MAX_NAME] = "";
	struct bpf_btf_info info = {.name = (u64)(uintptr_t)name, .name_len = sizeof(name)};
	int err = kobj_info(fd, &info, sizeof(info));

	if (err == -ENOSPC) { /* a longer name is cut */
		name[sizeof(name) - 1] = 0;
		err = 0;
	}
	if (err)
		return err;
	kobj_number(&w->tree, o, "id", info.id);
	if (name[0])
		kobj_text(&w->tree, o, "name", name);
	kobj_number(&w->tree, o, "size", info.btf_size);
	kobj_bool(&w->tree, o, "kernel", info.kernel_btf);
	if (!info.kernel_btf) {
		add_users(w, o, info.id, "prog_ids", SKEP_KERNEL_PROGS);
		add_users(w, o, info.id, "map_ids", SKEP_KERNEL_MAPS);
	}
	return 0;
}
