/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/log.h"
#include <stdarg.h>
#include <stdio.h>

static skep_log_fn log_fn;
static void *log_ctx;

void skep_log_set(skep_log_fn fn, void *ctx)
{
	log_fn = fn;
	log_ctx = ctx;
}

#define DEFINE_LOG(name, level)                                                                    \
	void name(const char *fmt, ...)                                                            \
	{                                                                                          \
		char text[1024];                                                                   \
		va_list ap;                                                                        \
                                                                                                   \
		if (!log_fn)                                                                       \
			return;                                                                    \
		va_start(ap, fmt);                                                                 \
		vsnprintf(text, sizeof(text), fmt, ap);                                            \
		va_end(ap);                                                                        \
		log_fn(log_ctx, level, text);                                                      \
	}

DEFINE_LOG(log_warn, SKEP_LOG_WARN)
DEFINE_LOG(log_info, SKEP_LOG_INFO)
DEFINE_LOG(log_debug, SKEP_LOG_DEBUG)
