/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which engine a session runs in. With SKEP_ENGINE_AUTO it is Linux where Linux takes the object,
 * else the user engine, as long as that can run it. What the probes cannot know turns out when the
 * object is loaded (the verifier's word, kernel types) and attached (a function that this kernel
 * has not): then the session changes over, unless its maps have been written to.
 */
#include "api/session.h"
#include "base/log.h"
#include "engine/kernel_choose.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int load_in(struct skep_session *s, const struct engine_ops *ops, struct engine_opts *opts,
		   struct skep_diag *diag)
{
	if (ops == &engine_user)
		opts->kernel_btf = api_kernel_btf(s->obj);
	return ops->load(s->obj->obj, opts, &s->engine, diag);
}

static int change_over(struct skep_session *s, struct engine_opts *opts,
		       const struct skep_diag *reason, struct skep_diag *diag)
{
	snprintf(s->why, sizeof(s->why), "Linux does not take it: %s%s%s", reason->where,
		 *reason->where ? ": " : "", reason->message);
	log_info("engine: user (%s)", s->why);
	return load_in(s, &engine_user, opts, diag);
}

/* What was asked of Linux failed. Is that a reason to run it elsewhere? */
static bool may_change_over(const struct skep_session *s, int err)
{
	return s->may_change && !s->is_touched && err != -ENOMEM && err != -EINTR;
}

static int load_auto(struct skep_session *s, struct engine_opts *opts, struct skep_diag *diag)
{
	struct skep_diag reason = {0};
	struct kernel_choice choice;
	int err;

	kernel_choose(s->obj->obj, opts, &choice);
	/* Neither can as things are: Linux' message is the better one for those who may use it. */
	snprintf(s->why, sizeof(s->why), "%s", choice.why);
	s->may_change = choice.kernel && choice.has_user;
	if (!choice.kernel)
		return load_in(s, &engine_user, opts, diag);
	err = load_in(s, &engine_kernel, opts, &reason);
	if (err && may_change_over(s, err))
		return change_over(s, opts, &reason, diag);
	if (err && diag)
		*diag = reason;
	return err;
}

int session_load(struct skep_session *s, struct engine_opts *opts, struct skep_diag *diag)
{
	const struct engine_ops *ops = s->opts.engine == SKEP_ENGINE_KERNEL ? &engine_kernel
									    : &engine_user;
	int err;

	snprintf(s->why, sizeof(s->why), "as asked");
	err = s->opts.engine == SKEP_ENGINE_AUTO ? load_auto(s, opts, diag)
						 : load_in(s, ops, opts, diag);
	if (s->engine)
		log_info("engine: %s (%s)", s->engine->ops->name, s->why);
	return err;
}

int session_start(struct skep_session *s, struct engine_opts *opts, struct skep_diag *diag)
{
	struct skep_diag reason = {0};
	int err = s->engine->ops->start(s->engine, &reason);

	if (err && s->engine->ops == &engine_kernel && may_change_over(s, err)) {
		s->engine->ops->free(s->engine);
		s->engine = NULL;
		err = change_over(s, opts, &reason, diag);
		return err ? err : s->engine->ops->start(s->engine, diag);
	}
	if (err && diag)
		*diag = reason;
	return err;
}
