/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The model kernel's memory: one reserved range, objects in it by size class, fields by BTF.
 *
 * Invariants. Every object lies inside [base, base + size), so a bounds check of an address
 * against the range is all that a checked read needs: pages that nobody touched read as zero. An
 * object is zero when it is handed out. In front of each stands a header with its size class,
 * which is how model_release finds the list that it goes back to; programs cannot write the range.
 *
 * Names of types and fields are looked up in BTF once and remembered by the address of the two
 * strings, which is why callers must pass constants.
 */
#include "model/model.h"
#include "base/hash.h"
#include "base/mem.h"
#include "btf/types.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Address space, not memory. A task with everything on it takes about 24 KiB. */
#define MODEL_SIZE (512ul << 20)

/* Classes double from 32 bytes; the largest object is 1 MiB (the fd array of a process). */
#define CLASS_MIN 5
#define CLASS_MAX 20
#define NR_CLASS  (CLASS_MAX - CLASS_MIN + 1)

struct header {
	u32 class;
	u32 magic;
	struct header *next_free;
};
#define HEADER_MAGIC 0x5ce9b0b1u

struct field {
	const char *type, *path;
	struct types_member member;
	u32 size; /* bytes of the member's type */
	bool found;
};

struct symbol {
	char *name;
	u64 addr;
	struct symbol *next;
};

struct model {
	const struct btf *btf;
	char *base;
	size_t size, used;
	struct header *free[NR_CLASS];
	struct hash_table fields; /* hash of the strings' addresses → struct field */
	struct hash_table sizes;  /* address of the type's name → size + 1 */
	struct symbol *symbols;
};

int model_new(const struct btf *btf, struct model **ret, struct skep_diag *diag)
{
	struct model *m = mem_zalloc(sizeof(*m));

	if (!m)
		return diag_nomem(diag);
	m->btf = btf;
	m->size = MODEL_SIZE;
	m->base = mmap(NULL, m->size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->base == MAP_FAILED) {
		int err = -errno;

		mem_free(m);
		return diag_set(diag, err,
				"cannot reserve %zu MiB of address space for the model "
				"kernel",
				(size_t)MODEL_SIZE >> 20);
	}
	*ret = m;
	return 0;
}

static void free_fields(struct model *m)
{
	for (size_t i = 0; i < m->fields.room; i++)
		mem_free(m->fields.slots[i].value);
	hash_done(&m->fields);
	hash_done(&m->sizes);
}

struct model *model_free(struct model *m)
{
	struct symbol *s, *next;

	if (!m)
		return NULL;
	for (s = m->symbols; s; s = next) {
		next = s->next;
		mem_free(s->name);
		mem_free(s);
	}
	free_fields(m);
	munmap(m->base, m->size);
	mem_free(m);
	return NULL;
}

const struct btf *model_btf(const struct model *m)
{
	return m->btf;
}

void model_range(const struct model *m, const char **ret_base, size_t *ret_size)
{
	*ret_base = m->base;
	*ret_size = m->size;
}

/* --- objects -------------------------------------------------------------------------------- */

static u32 class_of(size_t size)
{
	u32 class = 0;

	while (class < NR_CLASS && ((size_t)1 << (class + CLASS_MIN)) < size)
		class ++;
	return class; /* NR_CLASS: too large */
}

void *model_alloc_bytes(struct model *m, size_t size)
{
	u32 class = class_of(size);
	size_t room;
	struct header *h;

	if (class >= NR_CLASS)
		return NULL;
	h = m->free[class];
	if (h) {
		m->free[class] = h->next_free;
		h->next_free = NULL;
		return h + 1;
	}
	room = sizeof(*h) + ((size_t)1 << (class + CLASS_MIN));
	if (room > m->size - m->used)
		return NULL;
	h = (struct header *)(m->base + m->used);
	m->used += room;
	h->class = class;
	h->magic = HEADER_MAGIC;
	return h + 1;
}

u32 model_sizeof(struct model *m, const char *type)
{
	uintptr_t known = (uintptr_t)hash_get(&m->sizes, (uintptr_t)type);
	u32 id, size = 0;

	if (known)
		return known - 1;
	id = m->btf ? types_find_struct(m->btf, type) : 0;
	if (id)
		size = types_size(m->btf, id);
	hash_put(&m->sizes, (uintptr_t)type, (void *)((uintptr_t)size + 1));
	return size;
}

void *model_alloc(struct model *m, const char *type)
{
	u32 size = model_sizeof(m, type);

	return size ? model_alloc_bytes(m, size) : NULL;
}

void model_release(struct model *m, void *obj)
{
	struct header *h = obj ? (struct header *)obj - 1 : NULL;

	if (!h || h->magic != HEADER_MAGIC || h->class >= NR_CLASS)
		return;
	memset(obj, 0, (size_t)1 << (h->class + CLASS_MIN));
	h->next_free = m->free[h->class];
	m->free[h->class] = h;
}

/* --- fields --------------------------------------------------------------------------------- */

static void find_field(struct model *m, struct field *f)
{
	u32 id = m->btf ? types_find_struct(m->btf, f->type) : 0;

	if (!id || types_member(m->btf, id, f->path, &f->member))
		return;
	f->size = types_size(m->btf, f->member.type_id);
	if (in_bounds(f->member.bit_off / 8, f->size, types_size(m->btf, id)))
		f->found = true;
}

static const struct field *field(struct model *m, const char *type, const char *path)
{
	u64 key = hash_u64((uintptr_t)type * 31 + (uintptr_t)path);
	struct field *f = hash_get(&m->fields, key);

	if (f && f->type == type && f->path == path)
		return f->found ? f : NULL;
	if (f) /* two pairs with one key: the newer one wins, correctness does not change */
		mem_free(hash_del(&m->fields, key));
	f = mem_zalloc(sizeof(*f));
	if (!f)
		return NULL;
	f->type = type;
	f->path = path;
	find_field(m, f);
	if (hash_put(&m->fields, key, f)) {
		mem_free(f);
		return NULL;
	}
	return f->found ? f : NULL;
}

void *model_field(struct model *m, void *obj, const char *type, const char *path)
{
	const struct field *f = obj ? field(m, type, path) : NULL;

	return f && !f->member.bit_size ? (char *)obj + f->member.bit_off / 8 : NULL;
}

u32 model_field_size(struct model *m, const char *type, const char *path)
{
	const struct field *f = field(m, type, path);

	return f ? f->size : 0;
}

static void set_bits(char *obj, const struct types_member *member, u64 value)
{
	for (u32 i = 0; i < member->bit_size; i++) {
		u32 at = member->bit_off + i;
		u8 bit = 1u << (at % 8);

		if (value >> i & 1)
			obj[at / 8] |= bit;
		else
			obj[at / 8] &= ~bit;
	}
}

bool model_set(struct model *m, void *obj, const char *type, const char *path, u64 value)
{
	const struct field *f = obj ? field(m, type, path) : NULL;

	if (!f)
		return false;
	if (f->member.bit_size)
		set_bits(obj, &f->member, value);
	else
		memcpy((char *)obj + f->member.bit_off / 8, &value, min_u64(f->size, 8));
	return true;
}

bool model_set_bytes(struct model *m, void *obj, const char *type, const char *path, const void *p,
		     size_t size)
{
	const struct field *f = obj ? field(m, type, path) : NULL;

	if (!f || f->member.bit_size)
		return false;
	memcpy((char *)obj + f->member.bit_off / 8, p, min_u64(f->size, size));
	return true;
}

bool model_get(struct model *m, const void *obj, const char *type, const char *path, u64 *ret)
{
	const struct field *f = obj ? field(m, type, path) : NULL;

	if (!f)
		return false;
	*ret = 0;
	if (!f->member.bit_size) {
		memcpy(ret, (const char *)obj + f->member.bit_off / 8, min_u64(f->size, 8));
		return true;
	}
	for (u32 i = 0; i < f->member.bit_size && i < 64; i++) {
		u32 at = f->member.bit_off + i;

		*ret |= (u64)(((const u8 *)obj)[at / 8] >> (at % 8) & 1) << i;
	}
	return true;
}

int model_read(const struct model *m, void *dst, size_t size, u64 addr)
{
	if (addr < (uintptr_t)m->base || !in_bounds(addr - (uintptr_t)m->base, size, m->size))
		return -EFAULT;
	memcpy(dst, (const void *)(uintptr_t)addr, size);
	return 0;
}

/* --- symbols -------------------------------------------------------------------------------- */

/* A variable gets an object of its type, a function 16 bytes of its own: an address, no code. */
static void *make_symbol(struct model *m, const char *name)
{
	s32 id = m->btf ? btf__find_by_name_kind(m->btf, name, BTF_KIND_VAR) : -ENOENT;
	u32 size;

	if (id > 0) {
		size = types_size(m->btf, btf__type_by_id(m->btf, id)->type);
		return model_alloc_bytes(m, size ? size : 16);
	}
	id = m->btf ? btf__find_by_name_kind(m->btf, name, BTF_KIND_FUNC) : -ENOENT;
	return id > 0 ? model_alloc_bytes(m, 16) : NULL;
}

u64 model_symbol(struct model *m, const char *name)
{
	struct symbol *s;

	for (s = m->symbols; s; s = s->next)
		if (!strcmp(s->name, name))
			return s->addr;
	s = mem_zalloc(sizeof(*s));
	if (!s)
		return 0;
	s->name = mem_strdup(name);
	s->addr = (uintptr_t)make_symbol(m, name);
	if (!s->name || !s->addr) {
		mem_free(s->name);
		mem_free(s);
		return 0;
	}
	s->next = m->symbols;
	m->symbols = s;
	return s->addr;
}
