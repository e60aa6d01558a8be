/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Refusing: a typed function per row of messages.def, `return reject_NAME(env, …)`. */
#ifndef VERIFIER_REJECT_H
#define VERIFIER_REJECT_H

#include "verifier/env.h"

enum message {
#define MSG(name, ...) MSG_##name,
#include "verifier/messages.def"
#undef MSG
	MSG_NR
};

struct message_row {
	const char *id, *category;
	int err;
	const char *text, *hint;
};
extern const struct message_row messages[MSG_NR];

int reject(struct env *env, enum message msg, const char *fmt, ...) __printf(3, 4);

#define P(...) __VA_OPT__(, ) __VA_ARGS__
#define MSG(name, err, text, hint, params, ...)                                                    \
	static inline __unused int reject_##name(struct env *env params)                           \
	{                                                                                          \
		return reject(env, MSG_##name, text, ##__VA_ARGS__);                               \
	}
#include "verifier/messages.def"
#undef MSG
#undef P

#endif
