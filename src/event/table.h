/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Lines of a table. */
#ifndef EVENT_TABLE_H
#define EVENT_TABLE_H

#include "event/columns.h"

/* Fit the columns to the screen, knowing the first record. */
void table_fit(struct columns *c, const struct skep_event *first, u32 screen);
void table_header(struct strbuf *sb, const struct columns *c);
void table_row(struct strbuf *sb, struct columns *c, const struct skep_event *ev);

#endif
