/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Histograms. Most tracing programs keep them by powers of two: slot 0 counts 0 and 1, slot i
 * counts [2^i, 2^(i+1)). Where the object's code computes no logarithm, a slot is its number.
 */
#include "event/hints.h"
#include "event/map_io.h"
#include <string.h>

#define BAR_WIDTH 40
#define MIN_SLOTS 8 /* a shorter array of numbers is not taken for a histogram */
#define MAX_SLOTS HIST_MAX_SLOTS

static bool is_hist_name(const char *name)
{
	static const char *const parts[] = {"slots", "hist", "bucket", "dist", "latenc"};

	for (u32 i = 0; i < ARRAY_SIZE(parts); i++)
		if (strcasestr(name, parts[i]))
			return true;
	return false;
}

static bool is_counter(const struct field *f)
{
	return f->kind == FIELD_INT && !f->bit_size && (f->size == 4 || f->size == 8);
}

static bool is_slots(const struct field *f)
{
	return f->kind == FIELD_ARRAY && f->nr >= MIN_SLOTS && f->nr <= MAX_SLOTS &&
	       is_counter(&f->kids[0]) && is_hist_name(f->name);
}

bool hist_is_map(const struct event_map_io *io, const struct field *value)
{
	return map_io_is_array(io) && io->def->max_entries >= MIN_SLOTS &&
	       io->def->max_entries <= MAX_SLOTS && is_counter(value) && io->def->name &&
	       is_hist_name(io->def->name);
}

const struct field *hist_find(const struct field *f)
{
	const struct field *hit = NULL;

	if (is_slots(f))
		return f;
	for (u32 i = 0; i < f->nr_kids && f->kind == FIELD_STRUCT && !hit; i++)
		hit = hist_find(&f->kids[i]);
	return hit;
}

static u64 slot(const struct field *f, struct view v, u32 idx)
{
	size_t off = f->off + (size_t)idx * f->stride;
	struct view elem = {.data = v.data + off, .size = f->stride};
	u64 x = 0;

	if (in_bounds(off, f->stride, v.size))
		field_read(&f->kids[0], elem, &x);
	return x;
}

static u64 slot_low(u32 idx)
{
	return idx ? 1ull << (idx < 63 ? idx : 63) : 0;
}

static u64 slot_high(u32 idx)
{
	return idx < 63 ? (1ull << (idx + 1)) - 1 : UINT64_MAX;
}

static void print_bar(struct strbuf *sb, u64 count, u64 max)
{
	static const char stars[BAR_WIDTH + 1] = "****************************************";

	strbuf_printf(sb, " : %-8llu |%-*.*s|\n", (unsigned long long)count, BAR_WIDTH,
		      (int)((unsigned __int128)count * BAR_WIDTH / max), stars);
}

static u32 digits_of(u64 x)
{
	u32 nr = 1;

	while (x /= 10)
		nr++;
	return nr;
}

void hist_print(struct strbuf *sb, const u64 *slots, u32 nr, const char *what, bool log2)
{
	u64 max = 1;
	u32 last = 0;
	int width;

	for (u32 i = 0; i < nr; i++) {
		max = max_u64(max, slots[i]);
		if (slots[i])
			last = i;
	}
	width = (int)max_u64(log2 ? digits_of(slot_high(last)) : 0, 7);
	strbuf_printf(sb, "%*s : count    distribution\n", log2 ? width * 2 + 4 : width, what);
	for (u32 i = 0; i <= last && nr; i++) {
		if (log2)
			strbuf_printf(sb, "%*llu -> %-*llu", width, (unsigned long long)slot_low(i),
				      width, (unsigned long long)slot_high(i));
		else
			strbuf_printf(sb, "%*u", width, i);
		print_bar(sb, slots[i], max);
	}
}

static bool is_zero(const u8 *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

/* ", comm=bash, total=12" */
static void put_rest(struct strbuf *sb, const struct field *f, const struct field *slots,
		     struct view v)
{
	for (u32 i = 0; i < f->nr_kids && f->kind == FIELD_STRUCT; i++) {
		const struct field *kid = &f->kids[i];

		if (kid == slots || kid->kind == FIELD_NONE ||
		    (in_bounds(kid->off, kid->size, v.size) &&
		     is_zero(v.data + kid->off, kid->size)))
			continue;
		strbuf_printf(sb, ", %s=", kid->name);
		field_emit(sb, kid, v, EVENT_STYLE_CELL);
	}
}

void hist_print_value(struct strbuf *sb, const struct field *value, struct view v, bool log2)
{
	const struct field *slots = hist_find(value);
	u64 counts[MAX_SLOTS];

	for (u32 i = 0; i < slots->nr; i++)
		counts[i] = slot(slots, v, i);
	put_rest(sb, value, slots, v);
	strbuf_putc(sb, '\n');
	hist_print(sb, counts, slots->nr, slots->name, log2);
	strbuf_putc(sb, '\n');
}

/* --- globals ---------------------------------------------------------------------------------- */

static void print_each(struct strbuf *sb, const struct field *f, const char *name, struct view v,
		       bool log2)
{
	for (u32 i = 0; i < f->nr && in_bounds((u64)i * f->stride, f->stride, v.size); i++) {
		struct view elem = {.data = v.data + (size_t)i * f->stride, .size = f->stride};

		if (is_zero(elem.data, elem.size))
			continue;
		strbuf_printf(sb, "%s[%u]", name, i);
		hist_print_value(sb, &f->kids[0], elem, log2);
	}
}

void event_print_global(struct strbuf *sb, const struct btf *btf, u32 type_id, const char *name,
			const void *data, size_t size, const struct event_hints *hints)
{
	struct view v = {.data = data, .size = size};
	const struct field *f = NULL;
	struct arena a = {0};

	if (field_build(&a, btf, type_id, name, &f, NULL))
		f = NULL;
	if (f && hist_find(f)) {
		strbuf_puts(sb, name);
		hist_print_value(sb, f, v, hints_log2(hints));
	} else if (f && f->kind == FIELD_ARRAY && hist_find(&f->kids[0])) {
		print_each(sb, f, name, v, hints_log2(hints));
	} else {
		strbuf_printf(sb, "%s = ", name);
		event_format_named(sb, btf, type_id, name, data, size, EVENT_STYLE_TEXT);
		strbuf_putc(sb, '\n');
	}
	arena_done(&a);
}
