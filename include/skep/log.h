/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The library never prints; what it has to say goes to one callback. */
#ifndef SKEP_LOG_H
#define SKEP_LOG_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum skep_log_level {
	SKEP_LOG_WARN,  /* something was done differently from what was asked */
	SKEP_LOG_INFO,  /* which way was chosen, and why */
	SKEP_LOG_DEBUG, /* for developers */
};

/** One line of text without a newline. May come from any thread that calls the library. */
typedef void (*skep_log_fn)(void *ctx, enum skep_log_level level, const char *text);

/** Set the callback for the whole process; NULL (the default) drops everything. */
void skep_log_set(skep_log_fn fn, void *ctx);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
