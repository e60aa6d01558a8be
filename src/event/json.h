/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef EVENT_JSON_H
#define EVENT_JSON_H

#include "event/columns.h"

/* One record as an object on a line; name: of its buffer, or NULL where there is only one. */
void json_row(struct strbuf *sb, const struct columns *c, const struct field *root,
	      const struct skep_event *ev, const char *name);

#endif
