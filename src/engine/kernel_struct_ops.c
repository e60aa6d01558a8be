/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Functions given to the kernel: a congestion control, a scheduler. Each variable in .struct_ops or
 * .struct_ops.link is a map; since Linux 6.4 it can be registered through a link, which goes with
 * us. Before, the map itself stays registered until its element is deleted: the guard does that.
 *
 * libbpf before 1.2 knows .struct_ops only: the longer name is cut in a copy of the image, in the
 * section names and in the BTF's strings, where it ends as well.
 */
#include "base/log.h"
#include "base/mem.h"
#include "engine/kernel.h"
#include "engine/kernel_objs.h"
#include "spec/uapi.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define F_LINK (1u << 13) /* BPF_F_LINK, since 6.4 */

static const char long_name[] = ".struct_ops.link";

static bool is_at_least(u32 major, u32 minor)
{
	struct utsname u;
	u32 a = 0, b = 0;

	if (uname(&u) || sscanf(u.release, "%u.%u", &a, &b) != 2)
		return false;
	return a > major || (a == major && b >= minor);
}

static char *find_name(char *at, char *end)
{
	return memmem(at, (size_t)(end - at), long_name, sizeof(long_name));
}

const void *kernel_struct_ops_image(struct kernel_engine *k, const void *image, size_t size)
{
	char *copy, *end, *at;

	mem_free(k->short_image);
	k->short_image = NULL;
	if (libbpf_major_version() > 1 || libbpf_minor_version() > 1 ||
	    !memmem(image, size, long_name, sizeof(long_name)))
		return image;
	copy = mem_alloc(size);
	if (!copy)
		return image;
	memcpy(copy, image, size);
	end = copy + size;
	for (at = find_name(copy, end); at; at = find_name(at + 1, end))
		at[strlen(".struct_ops")] = 0;
	k->short_image = copy;
	return copy;
}

static bool is_struct_ops(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_STRUCT_OPS;
}

void kernel_struct_ops_prepare(struct kernel_engine *k)
{
	struct bpf_map *map;

	if (!is_at_least(6, 4))
		return;
	bpf_object__for_each_map(map, k->bpf)
	{
		if (is_struct_ops(map))
			bpf_map__set_map_flags(map, bpf_map__map_flags(map) | F_LINK);
	}
}

static u32 map_id(const struct bpf_map *map)
{
	struct bpf_map_info info = {0};
	u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_map__fd(map), &info, &len) ? 0 : info.id;
}

/* What libbpf gave us is no link of the kernel's: make one, or let the guard look after it. */
static int make_link(struct kernel_link *l, const struct bpf_map *map)
{
	struct sys_link attr = {
		.prog_fd = (u32)bpf_map__fd(map),
		.attach_type = SPEC_ATTACH_STRUCT_OPS,
	};

	if (!(bpf_map__map_flags(map) & F_LINK) ||
	    kobj_fd_kind(bpf_link__fd(l->bpf)) == SKEP_KERNEL_LINKS)
		return 0;
	bpf_link__disconnect(l->bpf);
	bpf_link__destroy(l->bpf);
	l->bpf = NULL;
	l->fd = sys_link_create(&attr);
	return l->fd < 0 ? l->fd : 0;
}

static int attach_map(struct kernel_engine *k, struct bpf_map *map, struct skep_diag *diag)
{
	struct kernel_undo undo = {.kind = UNDO_STRUCT_OPS, .map_id = map_id(map)};
	bool guarded = !(bpf_map__map_flags(map) & F_LINK);
	struct kernel_link link = {.fd = -1};
	int err = guarded ? kernel_guard_add(k, &undo, diag) : 0;

	if (err < 0)
		return err;
	link.bpf = bpf_map__attach_struct_ops(map);
	err = link.bpf ? make_link(&link, map) : -errno;
	if (err)
		return diag_set(diag, err, "Linux does not take it: %s%s%s", strerror(-err),
				*kernel_log_first() ? "; libbpf: " : "", kernel_log_first());
	log_info("struct_ops %s is registered", bpf_map__name(map));
	return kernel_link_add(k, link, diag);
}

int kernel_struct_ops_attach(struct kernel_engine *k, struct skep_diag *diag)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, k->bpf)
	{
		int err;

		if (!is_struct_ops(map) || !bpf_map__autocreate(map))
			continue;
		kernel_log_begin();
		err = attach_map(k, map, diag);
		if (err)
			return diag_at(diag, err, "struct_ops %s", bpf_map__name(map));
	}
	return 0;
}
