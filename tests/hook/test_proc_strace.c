/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What programs see against what strace -f sees of the same command: every system call's number of
 * returns and every openat's result, in order.
 */
#include "hook/proc.h"
#include "prochelp.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OUT "/tmp/.skep-test-strace"

static char *command[] = {"find", "/etc/init.d", "/usr/include/linux", "-maxdepth", "1", "-type",
			  "f",    NULL};

struct seen {
	u32 calls[PROC_NR_SYSCALLS];
	s64 opens[20000];
	u32 nr_opens;
};

/* "openat(AT_FDCWD, …) = 3", maybe with a pid in front */
static void parse_line(struct seen *s, const char *line)
{
	const char *name = line + strspn(line, "0123456789 "), *paren = strchr(name, '(');
	const char *result = strstr(line, ") = ");
	s32 nr = paren ? proc_sys_by_name(name, paren - name) : -1;

	if (nr < 0)
		return;
	s->calls[nr]++;
	for (const char *next; result && (next = strstr(result + 1, ") = "));)
		result = next;
	if (nr == SYS_openat && result && s->nr_opens < ARRAY_SIZE(s->opens))
		s->opens[s->nr_opens++] = strtol(result + 4, NULL, 0);
}

static bool run_strace(struct seen *s)
{
	char shell[512] = "strace -f -o " OUT, line[8192];
	FILE *f;

	for (u32 i = 0; command[i]; i++) {
		strcat(shell, " ");
		strcat(shell, command[i]);
	}
	strcat(shell, " >/dev/null 2>&1");
	if (system(shell) || !(f = fopen(OUT, "r")))
		return false;
	while (fgets(line, sizeof(line), f))
		parse_line(s, line);
	fclose(f);
	unlink(OUT);
	return true;
}

static int quiet(void)
{
	int out = fcntl(1, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	fflush(stdout);
	dup2(null, 1);
	close(null);
	return out;
}

static void run_ours(struct bench *b)
{
	int out, err;

	bench_attach(b, "tp/raw_syscalls/sys_enter", "r0 = *(u64 *)(r1 +8)\nexit");
	bench_attach(b, "tp/syscalls/sys_exit_openat", "r0 = *(u64 *)(r1 +16)\nexit");
	out = quiet();
	err = bench_run(b, 20);
	dup2(out, 1);
	close(out);
	is_int(err, 0, "runs to its end");
}

static void compare(const struct bench *b, const struct seen *s)
{
	static u32 calls[PROC_NR_SYSCALLS];
	u32 nr_opens = bench_count(b, 1), wrong = 0;

	for (u32 i = 0; i < b->nr_results; i++)
		if (b->results[i].prog == 0 && b->results[i].ret < PROC_NR_SYSCALLS)
			calls[b->results[i].ret]++;
	for (u32 nr = 0; nr < PROC_NR_SYSCALLS; nr++)
		if (calls[nr] != s->calls[nr]) {
			wrong++;
			printf("# %s: strace %u, we %u\n", proc_sys_name(nr), s->calls[nr],
			       calls[nr]);
		}
	is_int(wrong, 0, "every system call as often as strace says (%u in all)",
	       bench_count(b, 0));
	is_int(nr_opens, s->nr_opens, "as many openat");
	wrong = 0;
	for (u32 i = 0; i < s->nr_opens; i++)
		if (s->opens[i] < 0 ? (s64)bench_ret(b, 1, i) >= 0
				    : (s64)bench_ret(b, 1, i) != s->opens[i])
			wrong++;
	is_int(wrong, 0, "with the same results");
}

int main(void)
{
	struct seen *s = calloc(1, sizeof(*s));
	struct bench *b;

	if (!s || !run_strace(s))
		tap_skip_all("strace does not run here");
	b = bench_new(command, 0);
	run_ours(b);
	compare(b, s);
	bench_free(b);
	free(s);
	return tap_done();
}
