/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A record's `__u16 dport` does not say its byte order, but where it comes from does: CO-RE's
 * relocations (.BTF.ext) name the kernel's member, and its type is __be16 (skc_dport, inet_sport).
 */
#include "event/flow_core.h"
#include "base/hash.h"
#include "base/mem.h"
#include "btf/types.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STEPS 32 /* of an access string */

struct flow_core {
	struct hash_table insns; /* section << 32 | instruction */
};

struct ext_header {
	u16 magic;
	u8 version, flags;
	u32 hdr_len;
	u32 func_off, func_len, line_off, line_len;
	u32 core_off, core_len;
};

struct core_rec {
	u32 insn_off, type_id, access_off, kind;
};

/* One step of an access string: member or element number idx of a type. */
static u32 step_into(const struct btf *btf, u32 type_id, u32 idx)
{
	const struct btf_type *t = btf__type_by_id(btf, types_skip(btf, type_id));

	if (t && btf_is_composite(t) && idx < btf_vlen(t))
		return btf_members(t)[idx].type;
	return t && btf_is_array(t) ? btf_array(t)->type : 0;
}

static bool is_be16(const struct btf *btf, u32 type_id)
{
	for (u32 i = 0; i < MAX_STEPS; i++) {
		const struct btf_type *t;

		type_id = types_skip_mods(btf, type_id);
		t = btf__type_by_id(btf, type_id);
		if (!t || !btf_is_typedef(t))
			return false;
		if (!strcmp(types_name(btf, type_id), "__be16"))
			return true;
		type_id = t->type;
	}
	return false;
}

/* "0:3:1": an index of the pointer, then members */
static bool reaches_be16(const struct btf *btf, const struct core_rec *rec)
{
	const char *s = btf__name_by_offset(btf, rec->access_off);
	u32 type_id = rec->type_id, steps = 0;
	char *end;

	if (rec->kind || !s) /* 0: the offset of a member */
		return false;
	for (; type_id && *s && steps < MAX_STEPS; steps++) {
		u32 idx = (u32)strtoul(s, &end, 10);

		if (end == s)
			return false;
		if (steps)
			type_id = step_into(btf, type_id, idx);
		s = *end == ':' ? end + 1 : end;
	}
	return steps > 1 && !*s && is_be16(btf, type_id);
}

static u32 section_by_name(const struct debug_image *img, const char *name)
{
	for (u32 i = 1; name && i < img->nr_shdrs; i++)
		if (!strcmp(debug_image_section_name(img, i), name))
			return i;
	return 0;
}

/* One section's records: name, number, records. The bytes that it takes, 0 at the end. */
static size_t take_section(struct flow_core *core, const struct debug_image *img,
			   const struct btf *btf, const u8 *p, size_t size, u32 rec_size)
{
	u32 head[2], shndx;

	if (size < sizeof(head))
		return 0;
	memcpy(head, p, sizeof(head));
	if ((u64)head[1] * rec_size > size - sizeof(head))
		return 0;
	shndx = section_by_name(img, btf__name_by_offset(btf, head[0]));
	for (u32 i = 0; i < head[1] && shndx; i++) {
		struct core_rec rec;

		memcpy(&rec, p + sizeof(head) + (size_t)i * rec_size, sizeof(rec));
		if (reaches_be16(btf, &rec) &&
		    hash_put(&core->insns, (u64)shndx << 32 | rec.insn_off / 8, core))
			return 0;
	}
	return sizeof(head) + (size_t)head[1] * rec_size;
}

static void take_all(struct flow_core *core, const struct debug_image *img, const struct btf *btf,
		     const u8 *p, size_t size)
{
	struct ext_header h = {0};
	u32 rec_size;
	u64 at, taken;

	if (size < sizeof(h))
		return;
	memcpy(&h, p, sizeof(h));
	at = (u64)h.hdr_len + h.core_off;
	if (h.magic != 0xeb9f || h.hdr_len < sizeof(h) || !in_bounds(at, h.core_len, size) ||
	    h.core_len < 4)
		return;
	memcpy(&rec_size, p + at, sizeof(rec_size));
	if (rec_size < sizeof(struct core_rec) || rec_size > 256)
		return;
	size = at + h.core_len;
	for (at += 4; at < size; at += taken) {
		taken = take_section(core, img, btf, p + at, size - at, rec_size);
		if (!taken)
			return;
	}
}

int flow_core_new(const struct debug_image *img, const struct btf *btf, struct flow_core **ret)
{
	u32 shndx = section_by_name(img, ".BTF.ext");
	const u8 *p;
	size_t size;

	*ret = NULL;
	p = shndx && btf ? debug_image_section_data(img, shndx, &size) : NULL;
	if (!p)
		return 0;
	*ret = mem_zalloc(sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	take_all(*ret, img, btf, p, size);
	return 0;
}

struct flow_core *flow_core_free(struct flow_core *core)
{
	if (core)
		hash_done(&core->insns);
	mem_free(core);
	return NULL;
}

bool flow_core_has(const struct flow_core *core, u32 shndx, u32 insn)
{
	return hash_get(&core->insns, (u64)shndx << 32 | insn);
}
