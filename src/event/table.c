/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A table whose columns have the width that types suggest, made narrower where the screen is too
 * small and wider where a value needs it: no value is ever cut. The same records always give the
 * same table.
 */
#include "event/table.h"
#include "base/log.h"
#include <string.h>

#define WIDTH_MAX 40 /* a longer cell moves its line, not the column */

/* Characters that a terminal shows, not bytes. */
static u32 shown_len(const char *s, size_t len)
{
	u32 nr = 0;

	for (size_t i = 0; i < len; i++)
		nr += ((u8)s[i] & 0xc0) != 0x80;
	return nr;
}

static u32 cell_len(const struct column *col, const struct skep_event *ev)
{
	struct strbuf sb = {0};
	u32 len;

	columns_cell(&sb, col, ev);
	len = shown_len(strbuf_str(&sb), sb.len);
	strbuf_done(&sb);
	return len;
}

/* The last column is not padded: only its head counts. */
static u32 total(const struct columns *c)
{
	u32 sum = 0;

	for (u32 i = 0; i < c->nr_shown; i++)
		sum += (i + 1 < c->nr_shown ? c->shown[i]->width + 1
					    : (u32)strlen(c->shown[i]->head));
	return sum;
}

/* What a column needs at the least: its head, and what it holds now. */
static u32 least(const struct column *col, const struct skep_event *ev)
{
	u32 len = cell_len(col, ev);

	len = (u32)max_u64(len > WIDTH_MAX ? WIDTH_MAX : len, col->least);
	return (u32)max_u64(strlen(col->head), len);
}

/* The widest column that can give way does so first. */
static void shrink(struct columns *c, const struct skep_event *first, u32 screen)
{
	while (total(c) > screen) {
		struct column *widest = NULL;

		for (u32 i = 0; i + 1 < c->nr_shown; i++) {
			struct column *col = c->shown[i];

			if (col->width > least(col, first) &&
			    (!widest || col->width > widest->width))
				widest = col;
		}
		if (!widest)
			return;
		widest->width--;
	}
}

/* Addresses of stacks and raw bytes tell people least. */
static bool may_go(const struct column *col)
{
	return col->field && (col->field->kind == FIELD_ARRAY || col->field->kind == FIELD_PTR ||
			      col->field->kind == FIELD_BYTES);
}

/* Unless the fields were chosen, what people can't read goes rather than that lines wrap. */
static void leave_out(struct columns *c, u32 screen)
{
	u32 nr = 0;

	for (u32 i = 0; i < c->nr_shown; i++)
		nr += !may_go(c->shown[i]);
	for (u32 i = c->nr_shown; nr && i-- > 0 && total(c) > screen;) {
		if (!may_go(c->shown[i]))
			continue;
		log_info("the table would be too wide: %s is left out (--fields +%s)",
			 c->shown[i]->path, c->shown[i]->path);
		memmove(&c->shown[i], &c->shown[i + 1], (c->nr_shown - i - 1) * sizeof(*c->shown));
		c->nr_shown--;
	}
}

void table_fit(struct columns *c, const struct skep_event *first, u32 screen)
{
	for (u32 i = 0; i < c->nr_shown; i++)
		c->shown[i]->width = (u32)max_u64(c->shown[i]->width, least(c->shown[i], first));
	shrink(c, first, screen);
	if (!c->chosen)
		leave_out(c, screen);
}

static void put_padded(struct strbuf *sb, const char *s, size_t len, const struct column *col,
		       bool last)
{
	u32 shown = shown_len(s, len), pad = shown < col->width ? col->width - shown : 0;

	if (col->right)
		strbuf_pad(sb, ' ', pad);
	strbuf_add(sb, s, len);
	if (!col->right && !last)
		strbuf_pad(sb, ' ', pad);
	strbuf_putc(sb, last ? '\n' : ' ');
}

void table_header(struct strbuf *sb, const struct columns *c)
{
	for (u32 i = 0; i < c->nr_shown; i++)
		put_padded(sb, c->shown[i]->head, strlen(c->shown[i]->head), c->shown[i],
			   i + 1 == c->nr_shown);
}

/* What stands behind start, moved to the right. */
static void pad_left(struct strbuf *sb, size_t start, u32 pad)
{
	size_t len = sb->len - start;

	strbuf_pad(sb, ' ', pad);
	if (sb->failed)
		return;
	memmove(sb->s + start + pad, sb->s + start, len);
	memset(sb->s + start, ' ', pad);
}

/* Written in place: this is done a million times. */
static void put_cell(struct strbuf *sb, struct column *col, const struct skep_event *ev, bool last)
{
	size_t start = sb->len;
	u32 len, pad;

	columns_cell(sb, col, ev);
	if (sb->len == start && !last)
		strbuf_putc(sb, '-');
	len = sb->failed ? 0 : shown_len(sb->s + start, sb->len - start);
	if (len > col->width && len <= WIDTH_MAX)
		col->width = len;
	pad = len < col->width ? col->width - len : 0;
	if (pad && col->right)
		pad_left(sb, start, pad);
	else if (pad && !last)
		strbuf_pad(sb, ' ', pad);
	strbuf_putc(sb, last ? '\n' : ' ');
}

void table_row(struct strbuf *sb, struct columns *c, const struct skep_event *ev)
{
	for (u32 i = 0; i < c->nr_shown; i++)
		put_cell(sb, c->shown[i], ev, i + 1 == c->nr_shown);
	if (!c->nr_shown)
		strbuf_putc(sb, '\n');
}
