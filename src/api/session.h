/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What stands behind struct skep_session. */
#ifndef API_SESSION_H
#define API_SESSION_H

#include "api/api.h"
#include "engine/engine.h"
#include <signal.h>
#include <skep/session.h>

struct skep_session {
	struct skep_object *obj;
	struct skep_session_opts opts;
	struct engine *engine;
	char why[1024];  /* this engine */
	bool may_change; /* the other engine may do, should this one not be able to */
	bool is_touched; /* a map was written to: too late for that */
	volatile sig_atomic_t stopped;
	struct event_hints *hints; /* NULL: none, or not asked for yet */
	bool has_hints;
	struct symbols *symbols; /* of the stacks that its programs take */
};

/* session_engine.c */
int session_load(struct skep_session *s, struct engine_opts *opts, struct skep_diag *diag);
int session_start(struct skep_session *s, struct engine_opts *opts, struct skep_diag *diag);

/* Not a buffer, nor one that only refers to other things, nor one of ours. */
bool session_has_contents(const struct object_map *m);

#endif
