/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What an object's code tells of its maps' contents and their types do not: which 16-bit numbers
 * of keys and values are in network order, and whether slots are powers of two.
 */
#ifndef EVENT_HINTS_H
#define EVENT_HINTS_H

#include "event/field.h"
#include "event/value.h"
#include "object/object.h"

/* event_hints_new: NULL: no memory, or the object cannot be read; obj must outlive it. */

/* Ports in a plan of a map's keys or values that the program keeps in network order. */
void hints_order(const struct event_hints *h, const char *map, bool is_key, struct field *f);

/* Does any program compute a base-2 logarithm? Without hints: yes, as most do. */
bool hints_log2(const struct event_hints *h);

#endif
