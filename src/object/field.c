/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Special fields in map values: map/fields.c finds them, here they get into definitions. */
#include "object/state.h"

int object_find_fields(struct object *obj, struct map_def *def, struct skep_diag *diag)
{
	int nr = 0;

	if (obj->btf && def->value_type_id)
		nr = map_find_fields(obj->btf, def->value_type_id, false, def->fields,
				     MAP_MAX_FIELDS);
	if (nr < 0)
		return diag_set(
			diag, nr,
			"too many members, or more than %u locks, timers, kptrs and the like",
			MAP_MAX_FIELDS);
	def->nr_fields = (u32)nr;
	return 0;
}
