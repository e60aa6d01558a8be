/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The columns of one kind of record, and which of them are wanted. */
#ifndef EVENT_COLUMNS_H
#define EVENT_COLUMNS_H

#include "event/field.h"
#include <skep/event.h>

enum column_kind {
	COLUMN_FIELD,
	COLUMN_DATA, /* a record of unknown type, in hex */
	COLUMN_SIZE,
	/* what the event itself says: */
	COLUMN_TIME,
	COLUMN_MAP,
	COLUMN_CPU,
	COLUMN_PID,
	COLUMN_COMM,
	COLUMN_TEXT, /* a printk line */
};

struct column {
	enum column_kind kind;
	struct field *field;
	const char *path; /* "fname.depth" */
	const char *head; /* "DEPTH" */
	u32 width, least;
	bool right; /* aligned */
	bool on;    /* shown */
};

#define COLUMNS_MAX 512 /* of one layout; further fields have no column */

struct columns {
	struct column *cols;
	u32 nr;
	struct column **shown; /* in order */
	u32 nr_shown;
	bool chosen; /* by --fields */
};

/* root NULL: printk lines, or records of unknown type. */
int columns_new(struct arena *a, struct field *root, bool is_printk, struct columns *ret,
		struct skep_diag *diag);

/*
 * Apply "a,-b,+c". used[i] is set for each item of the list that named something here; the list
 * has columns_nr_items(list) items.
 */
int columns_choose(struct arena *a, struct columns *c, const char *list, bool *used,
		   struct skep_diag *diag);
u32 columns_nr_items(const char *list);

/* "there is no field 'x'; the fields are …" for the item of that number */
int columns_no_such(const struct columns *c, const char *list, u32 item, struct skep_diag *diag);

/* A cell, unpadded. root's view is the record. */
void columns_cell(struct strbuf *sb, const struct column *col, const struct skep_event *ev);

#endif
