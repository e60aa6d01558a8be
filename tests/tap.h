/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * TAP for unit tests, in one header. A test calls ok() and kin, then `return tap_done();`.
 * Every check prints where it stands and, when it fails, both values.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int tap_nr, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static int tap_ok(int good, const char *file,
								int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_nr);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

/* ok(condition, "what is true: %s", x) */
#define ok(cond, ...) tap_ok(!!(cond), __FILE__, __LINE__, __VA_ARGS__)

#define is_int(got, want, ...)                                                                     \
	({                                                                                         \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		int good_ = tap_ok(got_ == want_, __FILE__, __LINE__, __VA_ARGS__);                \
		if (!good_)                                                                        \
			printf("#  got: %lld (%#llx)\n# want: %lld (%#llx)\n", got_, got_, want_,  \
			       want_);                                                             \
		good_;                                                                             \
	})

#define is_str(got, want, ...)                                                                     \
	({                                                                                         \
		const char *got_ = (got), *want_ = (want);                                         \
		int good_ = tap_ok(got_ && want_ && !strcmp(got_, want_), __FILE__, __LINE__,      \
				   __VA_ARGS__);                                                   \
		if (!good_)                                                                        \
			printf("#  got: %s\n# want: %s\n", got_ ? got_ : "(null)",                 \
			       want_ ? want_ : "(null)");                                          \
		good_;                                                                             \
	})

#define is_mem(got, want, size, ...)                                                               \
	tap_ok(!memcmp((got), (want), (size)), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((unused)) static void tap_skip(const char *what, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_nr, what, why);
}

__attribute__((unused)) static void tap_skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	exit(0);
}

/* Whether this process may become another user: root without capabilities, or in a user namespace
 * where that user is not mapped, may not. */
__attribute__((unused)) static int tap_may_become(unsigned int id)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(setgid(id) || setuid(id));
	waitpid(pid, &status, 0);
	return !status;
}

static int tap_done(void)
{
	printf("1..%d\n", tap_nr);
	return tap_failed != 0;
}

#endif
