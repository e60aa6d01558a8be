/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Printing the events of one object; what <skep/event.h> says of skep_printer holds here. */
#ifndef EVENT_PRINTER_H
#define EVENT_PRINTER_H

#include "object/object.h"
#include <skep/event.h>

struct event_printer;
struct symbols;

int event_printer_new(const struct object *obj, const struct skep_printer_opts *opts,
		      skep_write_fn write, void *ctx, struct event_printer **ret,
		      struct skep_diag *diag);
/* Where addresses of stacks are looked up: asked at each event; *symbols may be NULL, and must
 * outlive the printer. */
void event_printer_symbols(struct event_printer *p, struct symbols *const *symbols);
struct event_printer *event_printer_free(struct event_printer *p); /* NULL is fine */
int event_printer_event(struct event_printer *p, const struct skep_event *event);

#endif
