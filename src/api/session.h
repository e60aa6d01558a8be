/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What stands behind struct skep_session. */
#ifndef API_SESSION_H
#define API_SESSION_H

#include "api/api.h"
#include "engine/engine.h"
#include <skep/session.h>

struct skep_session {
	struct skep_object *obj;
	struct skep_session_opts opts;
	struct engine *engine;
	const char *why;           /* this engine */
	struct event_hints *hints; /* NULL: none, or not asked for yet */
	bool has_hints;
	struct symbols *symbols; /* of the stacks that its programs take */
};

/* Not a buffer, nor one that only refers to other things, nor one of ours. */
bool session_has_contents(const struct object_map *m);

#endif
