/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * usage: load open|getsid COUNT [PER_SECOND]
 *
 * What is traced: that many system calls, as fast as they go or as many per second. Prints the
 * nanoseconds per call: of its own CPU time, so that others on the machine do not count, or, at
 * a rate, of time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : 0;
	double per_second = argc > 3 ? atof(argv[3]) : 0, start, ns;
	clockid_t clock;
	int is_open = argc > 1 && !strcmp(argv[1], "open");

	if (count <= 0)
		return 2;
	clock = per_second ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID;
	start = now_of(clock);
	for (long i = 0; i < count; i++) {
		if (is_open)
			syscall(SYS_openat, AT_FDCWD, "/none/such", O_RDONLY);
		else
			syscall(SYS_getsid, 0);
		while (per_second && now_of(clock) < start + (double)i * 1e9 / per_second)
			;
	}
	ns = now_of(clock) - start;
	printf("%.1f\n", ns / (double)count);
	return 0;
}
