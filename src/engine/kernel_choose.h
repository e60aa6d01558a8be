/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* -e auto: is this object, with these targets, for Linux or for the user engine? */
#ifndef ENGINE_KERNEL_CHOOSE_H
#define ENGINE_KERNEL_CHOOSE_H

#include "engine/engine.h"

struct kernel_choice {
	bool kernel;   /* else the user engine */
	bool has_user; /* the user engine could run it, too */
	char why[512]; /* in words, for one line */
};

/*
 * Cheap, and only for kinds of programs that the object has: the smallest program of each kind is
 * loaded. Whether the object's own programs load and find their places turns out when that is done.
 */
void kernel_choose(const struct object *obj, const struct engine_opts *opts,
		   struct kernel_choice *ret);

#endif
