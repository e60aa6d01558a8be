/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* include/skep/event.h: a printer is the event room's, for an opened object. */
#include "event/printer.h"
#include "api/api.h"

/* struct skep_printer is never defined: the handle is the event room's object. */
static struct event_printer *inner(struct skep_printer *p)
{
	return (struct event_printer *)p;
}

int skep_printer_new(const struct skep_object *obj, const struct skep_printer_opts *opts,
		     skep_write_fn write, void *ctx, struct skep_printer **ret,
		     struct skep_diag *diag)
{
	struct event_printer *p;
	int err = event_printer_new(obj->obj, opts, write, ctx, &p, diag);

	if (err)
		return err;
	event_printer_symbols(p, &obj->symbols);
	*ret = (struct skep_printer *)p;
	return err;
}

struct skep_printer *skep_printer_free(struct skep_printer *p)
{
	event_printer_free(inner(p));
	return NULL;
}

int skep_printer_event(struct skep_printer *p, const struct skep_event *event)
{
	return event_printer_event(inner(p), event);
}
