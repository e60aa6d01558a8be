/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Opening BTF, and looking into it. What types_check proved is used here: chains end. Loops have
 * a limit all the same, for BTF that somebody else opened.
 */
#include "btf/types.h"
#include "base/mem.h"
#include "btf/index.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A type may be held in as many places as it likes, so a search over anonymous members of hostile
 * BTF could take forever; real paths visit some hundreds. */
#define MAX_VISITS 100000

/* libbpf reads split BTF from files only. */
static struct btf *open_split(const void *data, size_t size, struct btf *base)
{
	int fd = memfd_create("skep-btf", MFD_CLOEXEC);
	struct btf *btf = NULL;
	char path[32];

	if (fd < 0)
		return NULL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, size) == (ssize_t)size)
		btf = btf__parse_raw_split(path, base);
	close(fd);
	return btf;
}

int types_open(const void *data, size_t size, struct btf *base, struct btf **ret,
	       struct skep_diag *diag)
{
	int err = types_check(data, size, base, diag);
	struct btf *btf;

	if (err)
		return err;
	btf = base ? open_split(data, size, base) : btf__new(data, (u32)size);
	if (!btf) {
		err = errno ? -errno : -EINVAL;
		return diag_set(diag, err, "libbpf can't read this BTF: %s", strerror(-err));
	}
	btf__set_pointer_size(btf, 8);
	*ret = btf;
	return 0;
}

struct btf *types_close(struct btf *btf)
{
	if (btf) {
		types_index_drop(btf);
		btf__free(btf);
	}
	return NULL;
}

static bool is_modifier(const struct btf_type *t)
{
	return btf_is_mod(t) || btf_is_type_tag(t);
}

u32 types_skip(const struct btf *btf, u32 id)
{
	for (u32 i = 0; i < TYPES_MAX_DEPTH; i++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!t || !id)
			return 0;
		if (!is_modifier(t) && !btf_is_typedef(t))
			return id;
		id = t->type;
	}
	return 0;
}

u32 types_skip_mods(const struct btf *btf, u32 id)
{
	for (u32 i = 0; i < TYPES_MAX_DEPTH; i++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!t || !id)
			return 0;
		if (!is_modifier(t))
			return id;
		id = t->type;
	}
	return 0;
}

static u32 own_size(const struct btf_type *t)
{
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
	case BTF_KIND_FLOAT:
	case BTF_KIND_DATASEC:
		return t->size;
	case BTF_KIND_PTR:
		return 8;
	default:
		return 0;
	}
}

u32 types_size(const struct btf *btf, u32 id)
{
	u64 nr = 1;

	for (u32 i = 0; i < TYPES_MAX_DEPTH; i++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!t)
			return 0;
		if (btf_is_array(t)) {
			nr *= btf_array(t)->nelems;
			id = btf_array(t)->type;
		} else if (is_modifier(t) || btf_is_typedef(t) || btf_is_var(t)) {
			id = t->type;
		} else {
			nr *= own_size(t);
			return nr <= UINT32_MAX ? (u32)nr : 0;
		}
		if (nr > UINT32_MAX)
			return 0;
	}
	return 0;
}

const char *types_name(const struct btf *btf, u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);
	const char *name = t ? btf__name_by_offset(btf, t->name_off) : NULL;

	return name ? name : "";
}

/* --- members by path ------------------------------------------------------------------------ */

struct search {
	const struct btf *btf;
	const char *name;
	size_t len;
	u32 visits;
};

/* Find one name in a struct, looking into anonymous members. Offsets add up in ret. */
static bool find_member(struct search *s, u32 id, u32 depth, struct types_member *ret)
{
	const struct btf_type *t = btf__type_by_id(s->btf, types_skip(s->btf, id));
	const struct btf_member *m;
	u32 base = ret->bit_off;

	if (!t || !btf_is_composite(t) || depth > TYPES_MAX_DEPTH)
		return false;
	m = btf_members(t);
	for (u32 i = 0; i < btf_vlen(t) && s->visits++ < MAX_VISITS; i++) {
		const char *name = btf__name_by_offset(s->btf, m[i].name_off);

		ret->bit_off = base + btf_member_bit_offset(t, i);
		ret->bit_size = btf_member_bitfield_size(t, i);
		ret->type_id = m[i].type;
		if (!name || !name[0]) {
			if (find_member(s, m[i].type, depth + 1, ret))
				return true;
		} else if (!strncmp(name, s->name, s->len) && !name[s->len]) {
			return true;
		}
	}
	return false;
}

int types_member(const struct btf *btf, u32 struct_id, const char *path, struct types_member *ret)
{
	struct types_member found = {.type_id = struct_id};

	for (;;) {
		size_t len = strcspn(path, ".");
		struct search s = {.btf = btf, .name = path, .len = len};

		if (!len || !find_member(&s, found.type_id, 0, &found))
			return -ENOENT;
		if (!path[len])
			break;
		path += len + 1;
	}
	*ret = found;
	return 0;
}
