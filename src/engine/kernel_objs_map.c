/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A map in the kernel, described. */
#include "base/mem.h"
#include "btf/types.h"
#include "engine/kernel_objs.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A variable of section .maps, or a section, whose name begins with what the kernel kept. */
static const char *find_name(const struct btf *btf, const char *cut, size_t len)
{
	for (u32 id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		const char *name = types_name(btf, id);

		if (btf_is_var(t) && !strncmp(name, cut, len))
			return name;
	}
	return NULL;
}

const char *kobj_map_name(struct kobj_world *w, const struct bpf_map_info *info)
{
	size_t len = strnlen(info->name, sizeof(info->name));
	const char *name = NULL, *whole;
	struct btf *btf;

	if (len == sizeof(info->name) - 1 && info->btf_id &&
	    !kobj_btf(info->btf_id, NULL, &btf, NULL)) {
		whole = find_name(btf, info->name, len);
		name = whole ? arena_strdup(&w->arena, whole) : NULL;
		types_close(btf);
	}
	return name ? name : arena_strndup(&w->arena, info->name, len);
}

static void add_type(struct kobj_tree *t, struct skep_value *o, u32 type)
{
	const struct spec_name *name = spec_map_type(type);

	if (name)
		kobj_text(t, o, "type", name->name);
	else
		kobj_number(t, o, "type", type);
}

/* What only fdinfo tells. */
static void add_fdinfo(struct kobj_tree *t, int fd, struct skep_value *o)
{
	u64 x;

	if (kobj_fdinfo(fd, "memlock", &x))
		kobj_number(t, o, "bytes_memlock", x);
	if (kobj_fdinfo(fd, "frozen", &x))
		kobj_number(t, o, "frozen", x);
	if (kobj_fdinfo(fd, "owner_prog_type", &x)) {
		const struct spec_name *name = spec_prog_type((u32)x);

		if (name)
			kobj_text(t, o, "owner_prog_type", name->name);
		else
			kobj_number(t, o, "owner_prog_type", x);
	}
	if (kobj_fdinfo(fd, "owner_jited", &x))
		kobj_bool(t, o, "owner_jited", x != 0);
}

static void add_decl(struct kobj_world *w, struct skep_value *o, const char *name,
		     const struct btf *btf, u32 type_id)
{
	struct strbuf sb = {0};

	if (!type_id || !btf__type_by_id(btf, type_id))
		return;
	types_decl(&sb, btf, type_id);
	w->tree.failed |= sb.failed;
	kobj_text(&w->tree, o, name, strbuf_str(&sb));
	strbuf_done(&sb);
}

static void add_types(struct kobj_world *w, struct skep_value *o, const struct bpf_map_info *info)
{
	struct btf *btf;

	kobj_number(&w->tree, o, "btf_id", info->btf_id);
	if (!info->btf_value_type_id || kobj_btf(info->btf_id, NULL, &btf, NULL))
		return;
	add_decl(w, o, "key_type", btf, info->btf_key_type_id);
	add_decl(w, o, "value_type", btf, info->btf_value_type_id);
	types_close(btf);
}

int kobj_describe_map(struct kobj_world *w, int fd, struct skep_value *o)
{
	struct kobj_tree *t = &w->tree;
	struct bpf_map_info info = {0};
	int err = kobj_info(fd, &info, sizeof(info));

	if (err)
		return err;
	kobj_number(t, o, "id", info.id);
	add_type(t, o, info.type);
	kobj_name(t, o, "name", kobj_map_name(w, &info));
	kobj_number(t, o, "flags", info.map_flags);
	if (info.ifindex)
		kobj_add_iface(w, o, info.ifindex);
	kobj_number(t, o, "bytes_key", info.key_size);
	kobj_number(t, o, "bytes_value", info.value_size);
	kobj_number(t, o, "max_entries", info.max_entries);
	if (info.map_extra)
		kobj_number(t, o, "map_extra", info.map_extra);
	add_fdinfo(t, fd, o);
	if (info.btf_id)
		add_types(w, o, &info);
	return 0;
}
