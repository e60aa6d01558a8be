/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The debugger's view of an object: which variable holds the pointer to a record, of what type. */
#ifndef EVENT_DEBUG_VAR_H
#define EVENT_DEBUG_VAR_H

#include "event/debug_image.h"
#include "event/flow.h"
#include <bpf/btf.h>

struct debug_vars;

/* -ENODATA: the object has no debug information. img and flow must outlive it. */
int debug_vars_open(const struct debug_image *img, const struct flow *flow,
		    struct debug_vars **ret);
struct debug_vars *debug_vars_close(struct debug_vars *d); /* NULL is fine; returns NULL */

/*
 * The type of the record that a call hands over, added to btf: 0 if no variable tells.
 * *ret_exact: the variable is at the record's place, not just one of the right size.
 */
u32 debug_record_type(struct debug_vars *d, const struct flow_site *site, struct btf *btf,
		      bool *ret_exact);

#endif
