/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A program in the kernel, described. */
#include "base/mem.h"
#include "btf/types.h"
#include "engine/kernel_objs.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAX_MAPS 4096 /* of one program that are listed; a program may use 64 */

struct func_info { /* struct bpf_func_info, whatever its record size here */
	u32 insn_off, type_id;
};

/* The first function's name by BTF: the kernel keeps only 15 characters of a program's. */
static const char *name_by_btf(struct kobj_world *w, int fd, const struct bpf_prog_info *info)
{
	struct bpf_prog_info ask = {.nr_func_info = 1, .func_info_rec_size = 8};
	const struct btf_type *t;
	struct func_info func = {0};
	const char *name = NULL;
	struct btf *btf;

	ask.func_info = (u64)(uintptr_t)&func;
	if (!info->btf_id || kobj_info(fd, &ask, sizeof(ask)) || !func.type_id ||
	    kobj_btf(info->btf_id, NULL, &btf, NULL))
		return NULL;
	t = btf__type_by_id(btf, func.type_id);
	if (t && btf_is_func(t))
		name = arena_strdup(&w->arena, types_name(btf, func.type_id));
	types_close(btf);
	return name;
}

const char *kobj_prog_name(struct kobj_world *w, int fd, const struct bpf_prog_info *info)
{
	size_t len = strnlen(info->name, sizeof(info->name));
	const char *name = NULL;

	if (len == sizeof(info->name) - 1)
		name = name_by_btf(w, fd, info);
	if (name && !strncmp(name, info->name, len))
		return name;
	return arena_strndup(&w->arena, info->name, len);
}

static void add_type(struct kobj_tree *t, struct skep_value *o, u32 type)
{
	const struct spec_name *name = spec_prog_type(type);

	if (name)
		kobj_text(t, o, "type", name->name);
	else
		kobj_number(t, o, "type", type);
}

static void add_map_ids(struct kobj_world *w, int fd, struct skep_value *o, u32 nr)
{
	struct bpf_prog_info ask = {.nr_map_ids = nr};
	u32 *ids;

	if (!nr || nr > MAX_MAPS)
		return;
	ids = arena_calloc(&w->arena, nr, sizeof(*ids));
	if (!ids) {
		w->tree.failed = true;
		return;
	}
	ask.map_ids = (u64)(uintptr_t)ids;
	if (!kobj_info(fd, &ask, sizeof(ask)))
		kobj_numbers(&w->tree, o, "map_ids", ids, (u32)min_u64(nr, ask.nr_map_ids));
}

/* The function of the kernel, of a module or of a program that a tracing program is for. */
void kobj_add_target(struct kobj_world *w, struct skep_value *o, const struct bpf_prog_info *info)
{
	struct btf *base = kobj_vmlinux(w), *btf = base, *own = NULL;
	char name[16] = "";
	struct bpf_btf_info bi = {.name = (u64)(uintptr_t)name, .name_len = sizeof(name)};
	int fd;

	kobj_number(&w->tree, o, "attach_btf_obj_id", info->attach_btf_obj_id);
	kobj_number(&w->tree, o, "attach_btf_id", info->attach_btf_id);
	fd = kobj_open(SKEP_KERNEL_BTF, info->attach_btf_obj_id);
	if (fd < 0)
		return;
	kobj_info(fd, &bi, sizeof(bi));
	close(fd);
	/* A module's BTF is split off the kernel's. */
	if (!bi.kernel_btf || strcmp(name, "vmlinux")) {
		if (kobj_btf(info->attach_btf_obj_id, bi.kernel_btf ? base : NULL, &own, NULL))
			return;
		btf = own;
	}
	if (btf && btf__type_by_id(btf, info->attach_btf_id))
		kobj_text(&w->tree, o, "attach_to", types_name(btf, info->attach_btf_id));
	types_close(own);
}

/* Links and other attachments of this program. */
static void add_attached(struct kobj_world *w, struct skep_value *o, u32 id)
{
	struct skep_value *list = NULL;

	for (size_t i = 0; i < w->attached.nr; i++) {
		const struct skep_value *a = &w->attached.data[i];
		const struct skep_value *p = kobj_get(a, "prog_id");

		if (!p || p->number != id)
			continue;
		if (!list)
			list = kobj_add(&w->tree, o, "attached", SKEP_VALUE_LIST);
		kobj_copy(&w->tree, kobj_add(&w->tree, list, NULL, SKEP_VALUE_OBJECT), a);
	}
}

static void add_sizes(struct kobj_tree *t, int fd, struct skep_value *o,
		      const struct bpf_prog_info *info)
{
	u64 memlock;

	kobj_number(t, o, "bytes_xlated", info->xlated_prog_len);
	kobj_bool(t, o, "jited", info->jited_prog_len > 0);
	if (info->jited_prog_len)
		kobj_number(t, o, "bytes_jited", info->jited_prog_len);
	if (kobj_fdinfo(fd, "memlock", &memlock))
		kobj_number(t, o, "bytes_memlock", memlock);
}

static void add_counts(struct kobj_tree *t, struct skep_value *o, const struct bpf_prog_info *info)
{
	if (info->run_time_ns) /* only while statistics are on */
		kobj_number(t, o, "run_time_ns", info->run_time_ns);
	if (info->run_cnt)
		kobj_number(t, o, "run_cnt", info->run_cnt);
	if (info->recursion_misses)
		kobj_number(t, o, "recursion_misses", info->recursion_misses);
	if (info->verified_insns)
		kobj_number(t, o, "verified_insns", info->verified_insns);
}

int kobj_describe_prog(struct kobj_world *w, int fd, struct skep_value *o)
{
	struct kobj_tree *t = &w->tree;
	struct bpf_prog_info info = {0};
	int err = kobj_info(fd, &info, sizeof(info));

	if (err == -ENODEV) { /* it was for a device that is gone */
		kobj_bool(t, o, "orphaned", true);
		return 0;
	}
	if (err)
		return err;
	kobj_number(t, o, "id", info.id);
	add_type(t, o, info.type);
	kobj_name(t, o, "name", kobj_prog_name(w, fd, &info));
	kobj_printf(t, o, "tag", "%02x%02x%02x%02x%02x%02x%02x%02x", info.tag[0], info.tag[1],
		    info.tag[2], info.tag[3], info.tag[4], info.tag[5], info.tag[6], info.tag[7]);
	kobj_bool(t, o, "gpl_compatible", info.gpl_compatible);
	add_counts(t, o, &info);
	if (info.ifindex)
		kobj_add_iface(w, o, info.ifindex);
	if (info.load_time) {
		kobj_number(t, o, "loaded_at", (u64)((double)info.load_time / 1e9 + w->boot_time));
		kobj_number(t, o, "uid", info.created_by_uid);
	}
	kobj_bool(t, o, "orphaned", false);
	add_sizes(t, fd, o, &info);
	add_map_ids(w, fd, o, info.nr_map_ids);
	if (info.btf_id)
		kobj_number(t, o, "btf_id", info.btf_id);
	if (info.attach_btf_id)
		kobj_add_target(w, o, &info);
	add_attached(w, o, info.id);
	return 0;
}
