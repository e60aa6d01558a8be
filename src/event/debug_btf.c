/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Types of DWARF as BTF, so that everything behind it knows one kind of types. What a pointer
 * points to is not followed: a record's pointers are shown as numbers. Nesting and the number of
 * types are bounded, since DWARF may be hostile.
 */
#include "event/debug_btf.h"
#include "base/mem.h"
#include "base/vec.h"
#include <dwarf.h>
#include <string.h>

#define MAX_DEPTH 24
#define MAX_TYPES 20000
#define MAX_KIDS  5000
#define MAX_CALLS 200000 /* conversions for one record, those that fail included */
#define MAX_BYTES (1u << 28)

struct member {
	const char *name;
	u32 type_id, bit_off, bit_size;
};

struct conv {
	struct btf *btf;
	struct hash_table *seen;
	u32 depth, calls;
};

static u32 convert(struct conv *c, Dwarf_Die *die);

static u64 attr_number(Dwarf_Die *die, unsigned int name, u64 otherwise)
{
	Dwarf_Attribute attr;
	Dwarf_Word x;

	if (!dwarf_attr_integrate(die, name, &attr) || dwarf_formudata(&attr, &x))
		return otherwise;
	return x;
}

static u32 added(int id)
{
	return id > 0 ? (u32)id : 0;
}

/* The type that a DIE refers to; 0 is void. */
static u32 convert_type_of(struct conv *c, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, &type))
		return 0;
	return convert(c, &type);
}

static u32 convert_base(struct conv *c, Dwarf_Die *die)
{
	static const u8 encodings[] = {
		[DW_ATE_boolean] = BTF_INT_BOOL,
		[DW_ATE_signed] = BTF_INT_SIGNED,
		[DW_ATE_signed_char] = BTF_INT_SIGNED,
	};
	u64 size = attr_number(die, DW_AT_byte_size, 0), enc = attr_number(die, DW_AT_encoding, 0);
	const char *name = dwarf_diename(die);

	if (!name || !*name || !size || size > 16)
		return 0;
	if (enc == DW_ATE_float)
		return added(btf__add_float(c->btf, name, size));
	return added(
		btf__add_int(c->btf, name, size, enc < sizeof(encodings) ? encodings[enc] : 0));
}

static u32 index_type(struct conv *c)
{
	s32 id = btf__find_by_name_kind(c->btf, "__ARRAY_SIZE_TYPE__", BTF_KIND_INT);

	return id > 0 ? (u32)id : added(btf__add_int(c->btf, "__ARRAY_SIZE_TYPE__", 4, 0));
}

static u64 range_count(Dwarf_Die *range)
{
	u64 count = attr_number(range, DW_AT_count, UINT64_MAX), upper;

	if (count != UINT64_MAX)
		return count;
	upper = attr_number(range, DW_AT_upper_bound, UINT64_MAX);
	return upper == UINT64_MAX ? 0 : upper + 1;
}

/* int a[2][3] is one DIE with two ranges; BTF has an array of arrays, the last range innermost. */
static u32 convert_array(struct conv *c, Dwarf_Die *die)
{
	u64 counts[8], bytes;
	u32 nr = 0, id = convert_type_of(c, die), index = index_type(c);
	Dwarf_Die range;

	if (!id || dwarf_child(die, &range))
		return 0;
	do {
		if (dwarf_tag(&range) == DW_TAG_subrange_type && nr < ARRAY_SIZE(counts))
			counts[nr++] = range_count(&range);
	} while (dwarf_siblingof(&range, &range) == 0);
	while (nr-- > 0 && id) {
		s64 size = btf__resolve_size(c->btf, id);

		if (size < 0 || __builtin_mul_overflow(counts[nr], (u64)size, &bytes) ||
		    bytes > MAX_BYTES || counts[nr] > MAX_BYTES)
			return 0;
		id = added(btf__add_array(c->btf, (int)index, (int)id, (u32)counts[nr]));
	}
	return id;
}

static u32 convert_enum(struct conv *c, Dwarf_Die *die)
{
	u64 size = attr_number(die, DW_AT_byte_size, 4);
	u32 id, nr = 0;
	Dwarf_Die kid;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return 0;
	id = added(size == 8 ? btf__add_enum64(c->btf, dwarf_diename(die), 8, false)
			     : btf__add_enum(c->btf, dwarf_diename(die), (u32)size));
	if (!id || dwarf_child(die, &kid))
		return id;
	do {
		const char *name = dwarf_diename(&kid);
		Dwarf_Attribute attr;
		Dwarf_Sword value;

		if (dwarf_tag(&kid) != DW_TAG_enumerator || !name || !*name ||
		    !dwarf_attr(&kid, DW_AT_const_value, &attr) || dwarf_formsdata(&attr, &value))
			continue;
		if (size == 8)
			btf__add_enum64_value(c->btf, name, (u64)value);
		else
			btf__add_enum_value(c->btf, name, (s64)(s32)value);
	} while (dwarf_siblingof(&kid, &kid) == 0 && ++nr < MAX_KIDS);
	return id;
}

static u32 member_bit_off(Dwarf_Die *die, u64 bit_size)
{
	u64 byte = attr_number(die, DW_AT_data_member_location, 0);
	u64 bit = attr_number(die, DW_AT_data_bit_offset, UINT64_MAX);
	u64 from_top = attr_number(die, DW_AT_bit_offset, UINT64_MAX);

	if (byte > MAX_BYTES)
		return UINT32_MAX;
	if (bit != UINT64_MAX)
		return bit > MAX_BYTES ? UINT32_MAX : (u32)(byte * 8 + bit);
	if (bit_size && from_top != UINT64_MAX) /* DWARF 3: from the most significant bit */
		bit = attr_number(die, DW_AT_byte_size, 4) * 8 - from_top - bit_size;
	else
		bit = 0;
	return bit > MAX_BYTES ? UINT32_MAX : (u32)(byte * 8 + bit);
}

static u32 collect_members(struct conv *c, Dwarf_Die *die, struct member *members)
{
	Dwarf_Die kid;
	u32 nr = 0;

	if (dwarf_child(die, &kid))
		return 0;
	do {
		struct member *m = members + nr;
		u64 bits;

		if (dwarf_tag(&kid) != DW_TAG_member)
			continue;
		bits = attr_number(&kid, DW_AT_bit_size, 0);
		m->name = dwarf_diename(&kid);
		m->type_id = convert_type_of(c, &kid);
		m->bit_off = member_bit_off(&kid, bits);
		m->bit_size = bits < 256 ? (u32)bits : 0;
		if (m->type_id && m->bit_off != UINT32_MAX)
			nr++;
	} while (dwarf_siblingof(&kid, &kid) == 0 && nr < MAX_KIDS);
	return nr;
}

static u32 convert_struct(struct conv *c, Dwarf_Die *die)
{
	bool is_union = dwarf_tag(die) == DW_TAG_union_type;
	u64 size = attr_number(die, DW_AT_byte_size, 0);
	struct member *members;
	u32 nr, id;

	if (!size || size > MAX_BYTES)
		return 0;
	members = mem_calloc(MAX_KIDS, sizeof(*members));
	if (!members)
		return 0;
	nr = collect_members(c, die, members);
	id = added(is_union ? btf__add_union(c->btf, dwarf_diename(die), (u32)size)
			    : btf__add_struct(c->btf, dwarf_diename(die), (u32)size));
	for (u32 i = 0; i < nr && id; i++)
		btf__add_field(c->btf, members[i].name, (int)members[i].type_id,
			       is_union ? 0 : members[i].bit_off, members[i].bit_size);
	mem_free(members);
	return id;
}

static u32 convert_typedef(struct conv *c, Dwarf_Die *die)
{
	u32 id = convert_type_of(c, die);
	const char *name = dwarf_diename(die);

	if (!id || !name || !*name)
		return id;
	return added(btf__add_typedef(c->btf, name, (int)id));
}

static u32 convert_ptr(struct conv *c, Dwarf_Die *die)
{
	return added(btf__add_ptr(c->btf, 0));
}

static u32 convert_through(struct conv *c, Dwarf_Die *die) /* const, volatile, … */
{
	return convert_type_of(c, die);
}

static const struct {
	int tag;
	u32 (*convert)(struct conv *c, Dwarf_Die *die);
} converters[] = {
	{DW_TAG_base_type, convert_base},        {DW_TAG_pointer_type, convert_ptr},
	{DW_TAG_array_type, convert_array},      {DW_TAG_structure_type, convert_struct},
	{DW_TAG_union_type, convert_struct},     {DW_TAG_enumeration_type, convert_enum},
	{DW_TAG_typedef, convert_typedef},       {DW_TAG_const_type, convert_through},
	{DW_TAG_volatile_type, convert_through}, {DW_TAG_restrict_type, convert_through},
	{DW_TAG_atomic_type, convert_through},
};

static u32 convert(struct conv *c, Dwarf_Die *die)
{
	u64 key = dwarf_dieoffset(die);
	uintptr_t seen = (uintptr_t)hash_get(c->seen, key);
	int tag = dwarf_tag(die);
	u32 id = 0;

	if (seen)
		return (u32)seen;
	if (c->depth >= MAX_DEPTH || ++c->calls > MAX_CALLS || btf__type_cnt(c->btf) > MAX_TYPES)
		return 0;
	c->depth++;
	for (u32 i = 0; i < ARRAY_SIZE(converters); i++)
		if (converters[i].tag == tag)
			id = converters[i].convert(c, die);
	c->depth--;
	if (id)
		hash_put(c->seen, key, (void *)(uintptr_t)id);
	return id;
}

u32 debug_to_btf(Dwarf_Die *type, const char *name, struct btf *btf, struct hash_table *seen)
{
	struct conv c = {.btf = btf, .seen = seen};
	u32 id = convert(&c, type), bare = id, wrap;
	const struct btf_type *t = id ? btf__type_by_id(btf, id) : NULL;
	s64 size;

	for (u32 i = 0; t && btf_is_typedef(t) && i < 32; i++) {
		bare = t->type;
		t = btf__type_by_id(btf, bare);
	}
	if (!t || btf_is_composite(t))
		return id;
	size = btf__resolve_size(btf, id);
	wrap = size > 0 ? added(btf__add_struct(btf, NULL, (u32)size)) : 0;
	if (wrap)
		btf__add_field(btf, name ? name : "value", (int)id, 0, 0);
	return wrap;
}
