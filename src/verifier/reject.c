/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Refusals: the table, and what one does to the result and the log. */
#include "verifier/reject.h"
#include "verifier/log.h"
#include <stdio.h>
#include <string.h>

const struct message_row messages[MSG_NR] = {
#define P(...)
#define MSG(name, err, text, hint, ...) {#name, CATEGORY, -(err), text, hint},
#include "verifier/messages.def"
#undef MSG
#undef P
};

/* The last one wins: what follows the first says where it happened, and so does the kernel. */
int reject(struct env *env, enum message msg, const char *fmt, ...)
{
	struct verify_result *res = env->res;
	const struct message_row *row = &messages[msg];
	char text[sizeof(res->message)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_text(env, "%s\n", text);
	memcpy(res->message, text, sizeof(text));
	if (!res->err)
		res->insn = env->insn;
	res->err = row->err;
	res->id = row->id;
	res->hint = row->hint;
	return row->err;
}
