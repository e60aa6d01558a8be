/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* SEC(".maps") … .values = { … }: relocations of .maps say which map or program is in which slot.
 */
#include "base/mem.h"
#include "object/state.h"
#include <errno.h>
#include <string.h>

struct inits {
	struct object *obj;
	u32 rel_sec, sec;                 /* the relocations, and .maps */
	VEC(struct object_map_init) * of; /* by map */
	struct skep_diag *diag;
};

static int bad_init(struct inits *in, const struct elf_reloc *r, const char *sym, const char *why)
{
	diag_set_full(in->diag, -EINVAL, "bad-map", NULL, "%s", why);
	return diag_at(in->diag, -EINVAL, "section .maps, offset %#llx, symbol %s",
		       (unsigned long long)r->off, sym);
}

/* The map whose variable an offset of .maps lies in; -1: none. They are sorted by offset. */
static int map_at(const struct inits *in, u64 off)
{
	const struct object_state *st = in->obj->state;
	u32 lo = 0, hi = st->nr_btf_maps;
	const struct map_place *p;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (st->places.data[mid].off <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return -1;
	p = &st->places.data[lo - 1];
	return p->section == in->sec && in_bounds(off - p->off, 8, p->size) ? (int)lo - 1 : -1;
}

/* Where .values begins in the map's struct. */
static bool values_off(const struct inits *in, const struct map_place *p, u32 *ret)
{
	const struct btf *btf = in->obj->btf;
	const struct btf_type *sec = btf__type_by_id(btf, p->sec_type), *var, *t;
	u32 last;

	var = btf__type_by_id(btf, btf_var_secinfos(sec)[p->var].type);
	t = btf__type_by_id(btf, types_skip(btf, var->type));
	if (!btf_is_struct(t) || !btf_vlen(t))
		return false;
	last = btf_vlen(t) - 1u;
	*ret = btf_member_bit_offset(t, last) / 8;
	return !strcmp(btf__name_by_offset(btf, btf_members(t)[last].name_off), "values");
}

static int set_target(struct inits *in, const struct map_def *def, const struct elf_reloc *r,
		      const struct elf_symbol *sym, struct object_map_init *init)
{
	const struct func *f;
	int map;

	if (def->type == BPF_MAP_TYPE_PROG_ARRAY) {
		if (sym->section >= in->obj->state->elf.nr_sections)
			return bad_init(in, r, sym->name, "not a program of this object");
		f = object_func_at(in->obj, sym->section, sym->value / sizeof(struct bpf_insn));
		if (!f || !f->prog || f->start * sizeof(struct bpf_insn) != sym->value)
			return bad_init(in, r, sym->name, "not an entry program of this object");
		init->prog = f->prog;
		return 0;
	}
	if (def->type != BPF_MAP_TYPE_ARRAY_OF_MAPS && def->type != BPF_MAP_TYPE_HASH_OF_MAPS)
		return bad_init(in, r, sym->name, "a map of this type has no initial values");
	if (def->type == BPF_MAP_TYPE_HASH_OF_MAPS && def->key_size != 4)
		return bad_init(in, r, sym->name,
				"initial values of a hash of maps need a key of 4 bytes");
	map = sym->section == in->sec ? map_at(in, sym->value) : -1;
	if (map < 0 || in->obj->state->places.data[map].off != sym->value)
		return bad_init(in, r, sym->name, "not a map of this object");
	init->map = (u32)map;
	return 0;
}

static int add_init(struct inits *in, const struct elf_reloc *r)
{
	const struct elf_symbol *sym = &in->obj->state->elf.symbols[r->sym];
	int map = map_at(in, r->off);
	struct object_map_init init = {0}, *slot;
	const struct map_place *place;
	u32 begin;
	u64 off;
	int err;

	if (map < 0)
		return bad_init(in, r, sym->name, "an address where no map is");
	place = &in->obj->state->places.data[map];
	off = r->off - place->off;
	if (!values_off(in, place, &begin) || off < begin || (off - begin) % 8)
		return bad_init(in, r, sym->name, "an address outside of .values");
	init.idx = (u32)((off - begin) / 8);
	err = set_target(in, &in->obj->maps[map].def, r, sym, &init);
	if (err)
		return err;
	slot = VEC_PUSH(&in->of[map]);
	if (!slot)
		return diag_nomem(in->diag);
	*slot = init;
	return 0;
}

static int add_all(struct inits *in)
{
	const struct elf_image *elf = &in->obj->state->elf;
	u32 nr;
	int err = elf_nr_relocs(elf, in->rel_sec, &nr, in->diag);

	for (u32 i = 0; !err && i < nr; i++) {
		struct elf_reloc r;

		err = elf_reloc_at(elf, in->rel_sec, i, &r, in->diag);
		err = err ?: add_init(in, &r);
	}
	return err;
}

int object_init_maps(struct object *obj, struct skep_diag *diag)
{
	struct object_state *st = obj->state;
	const struct elf_image *elf = &st->elf;
	struct inits in = {.obj = obj, .diag = diag};
	int err = 0;

	in.of = mem_calloc(obj->nr_maps, sizeof(*in.of));
	if (!in.of)
		return diag_nomem(diag);
	for (u32 i = 1; i < elf->nr_sections && !err; i++) {
		u32 type = elf->sections[i].type, info = elf->sections[i].info;

		if ((type != SHT_REL && type != SHT_RELA) || info >= elf->nr_sections ||
		    st->kinds[info] != SECTION_MAPS)
			continue;
		in.rel_sec = i;
		in.sec = info;
		err = add_all(&in);
	}
	for (u32 i = 0; i < obj->nr_maps; i++) {
		struct object_map *m = &obj->maps[i];

		m->nr_init = (u32)in.of[i].nr;
		m->init = arena_memdup(&obj->arena, in.of[i].data, in.of[i].nr * sizeof(*m->init));
		if (!m->init && !err)
			err = diag_nomem(diag);
		VEC_DONE(&in.of[i]);
	}
	mem_free(in.of);
	return err;
}
