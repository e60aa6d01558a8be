/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The object's BTF, and .BTF.ext: which function, which source line, which CO-RE relocation stands
 * at which instruction. The three kinds have one shape: a record size, then per section its name,
 * a count, and so many records that begin with the offset of an instruction in bytes.
 */
#include "object/state.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ext_header { /* as in <linux/btf.h>'s documentation; there is no uapi struct for it */
	u16 magic;
	u8 version, flags;
	u32 hdr_len;
	u32 func_off, func_len;
	u32 line_off, line_len;
	u32 core_off, core_len;
};

#define HEADER_MIN 24 /* before CO-RE came */

struct reader {
	struct object *obj;
	const u8 *data;
	u32 size, hdr_len;
	struct skep_diag *diag;
};

/* One of the three kinds. */
struct info_kind {
	const char *name;
	u32 min_size;
	int (*read)(struct reader *r, const u8 *rec, struct ext_info *ret);
};

static int bad(struct reader *r, u32 off, const char *why)
{
	diag_set_full(r->diag, -EINVAL, "bad-btf-ext", NULL, "%s", why);
	return diag_at(r->diag, -EINVAL, "section .BTF.ext, offset %#x", off);
}

static u32 get32(const u8 *p)
{
	u32 x;

	memcpy(&x, p, sizeof(x));
	return x;
}

static bool is_string(const struct reader *r, u32 off)
{
	return btf__name_by_offset(r->obj->btf, off) != NULL;
}

static int read_func(struct reader *r, const u8 *rec, struct ext_info *ret)
{
	const struct btf_type *t;

	ret->type_id = get32(rec + 4);
	t = btf__type_by_id(r->obj->btf, ret->type_id);
	return t && btf_is_func(t) ? 0 : -EINVAL;
}

static int read_line(struct reader *r, const u8 *rec, struct ext_info *ret)
{
	ret->file_off = get32(rec + 4);
	ret->line_off = get32(rec + 8);
	ret->line_col = get32(rec + 12);
	return is_string(r, ret->file_off) && is_string(r, ret->line_off) ? 0 : -EINVAL;
}

static int read_core(struct reader *r, const u8 *rec, struct ext_info *ret)
{
	memcpy(&ret->core, rec, sizeof(ret->core));
	if (!ret->core.type_id || !btf__type_by_id(r->obj->btf, ret->core.type_id))
		return -EINVAL;
	return is_string(r, ret->core.access_str_off) ? 0 : -EINVAL;
}

static const struct info_kind func_kind = {"function", 8, read_func};
static const struct info_kind line_kind = {"line", 16, read_line};
static const struct info_kind core_kind = {"CO-RE relocation", sizeof(struct bpf_core_relo),
					   read_core};

static int read_records(struct reader *r, const struct info_kind *k, u32 off, u32 rec_size, u32 nr,
			u32 section, struct ext_infos *ret)
{
	for (u32 i = 0; i < nr; i++, off += rec_size) {
		struct ext_info *info = &ret->data[ret->nr];
		u32 at = get32(r->data + off);

		info->section = section;
		info->insn = at / sizeof(struct bpf_insn);
		if (at % sizeof(struct bpf_insn))
			return bad(r, off, "an offset that is no multiple of 8");
		if (k->read(r, r->data + off, info))
			return bad(r, off, "refers to a type or string that is not there");
		ret->nr += section != 0;
	}
	return 0;
}

/* The parts of one kind in [off, off + len). ret->data has room for all that fits there. */
static int read_parts(struct reader *r, const struct info_kind *k, u32 off, u32 len, u32 rec_size,
		      struct ext_infos *ret)
{
	while (len) {
		u32 nr, section, bytes;
		const char *name;
		int err;

		if (len < 8)
			return bad(r, off, "cut off");
		name = btf__name_by_offset(r->obj->btf, get32(r->data + off));
		nr = get32(r->data + off + 4);
		if (!name)
			return bad(r, off, "a section's name that is not there");
		if (!nr || nr > (len - 8) / rec_size)
			return bad(r, off, "records beyond the end, or none");
		bytes = nr * rec_size;
		section = elf_find_section(&r->obj->state->elf, name);
		err = read_records(r, k, off + 8, rec_size, nr, section, ret);
		if (err)
			return diag_at(r->diag, err, "%s info of section %s", k->name, name);
		off += 8 + bytes;
		len -= 8 + bytes;
	}
	return 0;
}

static int read_kind(struct reader *r, const struct info_kind *k, u32 off, u32 len,
		     struct ext_infos *ret)
{
	u32 rec_size;

	if (!len)
		return 0;
	if (off % 4 || !in_bounds(off, len, r->size - r->hdr_len) || len < 4)
		return bad(r, off, "lies beyond the end of the section, or is not aligned");
	off += r->hdr_len;
	rec_size = get32(r->data + off);
	if (rec_size < k->min_size || rec_size % 4)
		return bad(r, off, "records of a wrong size");
	ret->data = arena_calloc(&r->obj->arena, len / k->min_size + 1, sizeof(*ret->data));
	if (!ret->data)
		return diag_nomem(r->diag);
	return read_parts(r, k, off + 4, len - 4, rec_size, ret);
}

static int read_ext(struct object *obj, const struct elf_section *s, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	struct reader r = {obj, s->data, (u32)s->size, 0, diag};
	struct ext_header h = {0};
	int err;

	if (s->size > TYPES_MAX_SIZE || s->size < HEADER_MIN)
		return bad(&r, 0, "shorter than a header");
	memcpy(&h, s->data, HEADER_MIN);
	r.hdr_len = h.hdr_len;
	if (h.magic != BTF_MAGIC || h.version != BTF_VERSION || h.flags)
		return bad(&r, 0, "a magic number, version or flags that nobody knows");
	if (h.hdr_len < HEADER_MIN || h.hdr_len > s->size || h.hdr_len % 4)
		return bad(&r, 0, "wrong header length");
	memcpy(&h, s->data, min_u64(sizeof(h), h.hdr_len));
	err = read_kind(&r, &func_kind, h.func_off, h.func_len, &st->funcs_info);
	err = err ?: read_kind(&r, &line_kind, h.line_off, h.line_len, &st->lines_info);
	err = err ?: read_kind(&r, &core_kind, h.core_off, h.core_len, &st->core_info);
	return err;
}

static int by_insn(const void *a, const void *b)
{
	const struct ext_info *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return x->insn < y->insn ? -1 : x->insn > y->insn;
}

/* Lines are looked up; compilers write them sorted, and then their order is kept. */
static void sort_lines(struct ext_infos *lines)
{
	for (u32 i = 1; i < lines->nr; i++)
		if (by_insn(&lines->data[i - 1], &lines->data[i]) > 0) {
			qsort(lines->data, lines->nr, sizeof(*lines->data), by_insn);
			return;
		}
}

int object_read_btf(struct object *obj, struct skep_diag *diag)
{
	const struct elf_image *elf = &obj->state->elf;
	u32 sec = elf_find_section(elf, ".BTF"), ext = elf_find_section(elf, ".BTF.ext");
	const struct elf_section *s = &elf->sections[sec];
	void *copy;
	int err;

	if (!sec || !s->data)
		return 0;
	copy = arena_memdup(&obj->arena, s->data, s->size); /* aligned */
	if (!copy)
		return diag_nomem(diag);
	err = types_open(copy, s->size, NULL, &obj->btf, diag);
	if (err)
		return diag_at(diag, err, "section .BTF");
	err = object_fix_datasecs(obj, diag);
	if (!err && ext && elf->sections[ext].data)
		err = read_ext(obj, &elf->sections[ext], diag);
	sort_lines(&obj->state->lines_info);
	return err;
}

u32 object_nr_core_relos(const struct object *obj)
{
	return obj->state->core_info.nr;
}

const struct bpf_core_relo *object_core_relo(const struct object *obj, u32 idx)
{
	return &obj->state->core_info.data[idx].core;
}
