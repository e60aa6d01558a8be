/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep COMMAND …: finds the command and hands over. */
#include "cli.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <skep/log.h>
#include <skep/version.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {&cmd_run, &cmd_check, &cmd_show,
						 &cmd_map, &cmd_unpin, &cmd_doctor};

static enum skep_log_level max_level = SKEP_LOG_WARN;
static bool is_quiet;

/* What an object says of itself (names, source lines) must not talk to the terminal. */
static void put_clean(FILE *f, const char *text, size_t size)
{
	char buf[1024];

	for (size_t n; size; text += n, size -= n) {
		n = size < sizeof(buf) ? size : sizeof(buf);
		for (size_t i = 0; i < n; i++) {
			unsigned char c = (unsigned char)text[i];
			bool c1 = c >= 0x80 && c < 0xa0 && i && (unsigned char)text[i - 1] == 0xc2;
			bool speaks = (c < ' ' && c != '\n' && c != '\t') || c == 0x7f || c1;

			buf[i] = speaks ? '?' : text[i];
		}
		fwrite(buf, 1, n, f);
	}
}

static void put_error(const char *before, const char *text, const char *behind)
{
	fputs(before, stderr);
	put_clean(stderr, text, strlen(text));
	fputs(behind, stderr);
}

int cli_write_clean(void *ctx, const char *text, size_t size)
{
	(void)ctx;
	put_clean(stdout, text, size);
	return ferror(stdout) ? -EPIPE : 0;
}

static void on_log(void *ctx, enum skep_log_level level, const char *text)
{
	(void)ctx;
	if (level <= max_level && !is_quiet)
		put_error("skep: ", text, "\n");
}

void cli_log_level(int verbose, bool quiet)
{
	max_level = verbose > 1 ? SKEP_LOG_DEBUG : verbose ? SKEP_LOG_INFO : SKEP_LOG_WARN;
	is_quiet = quiet;
}

int cli_error(const struct skep_diag *d)
{
	cli_flush();
	put_error("skep: error: ", d->where, d->where[0] ? ": " : "");
	put_error("", d->message[0] ? d->message : strerror(-d->err), "\n");
	if (d->hint[0])
		put_error("  hint: ", d->hint, "\n");
	if (!strcmp(d->id, "needs-target")) /* only an option is missing */
		return EXIT_USAGE;
	return d->err == -ENOTSUP || d->err == -EOPNOTSUPP ? EXIT_IMPOSSIBLE : EXIT_FAILED;
}

int cli_usage(const struct command *cmd, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "skep: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: skep %s %s\n(skep %s --help lists the options)\n", cmd->name,
		cmd->usage, cmd->name);
	return EXIT_USAGE;
}

/*
 * The traced command writes into the same pipe: lines leave whole, so that its output comes between
 * them. A pipe takes up to PIPE_BUF bytes at once.
 */
int cli_write(void *ctx, const char *text, size_t size)
{
	(void)ctx;
	if (__fpending(stdout) + size > PIPE_BUF && !cli_flush())
		return -EPIPE;
	if (fwrite(text, 1, size, stdout) == size)
		return 0;
	cli_flush();
	return -EPIPE;
}

volatile sig_atomic_t cli_interrupts;
static int out_err; /* the first reason why stdout did not take something */

bool cli_flush(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return true;
	out_err = out_err ? out_err : errno;
	return false;
}

void cli_json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			printf("\\u%04x", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void print_help(FILE *f)
{
	fprintf(f, "usage: skep COMMAND …\n\n"
		   "eBPF whole: run, test and look into BPF programs, without privileges.\n\n"
		   "commands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(f, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fprintf(f, "  %-8s %s\n  %-8s %s\n\n", "help", "this text, or that of a command", "version",
		"print the version");
	fprintf(f, "exit status: 0 done, 1 refused or failed, 2 usage, 77 not possible here;\n"
		   "skep run … -- COMMAND passes on the command's.\n");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int help(int argc, char **argv)
{
	const struct command *cmd = argc > 1 ? find_command(argv[1]) : NULL;

	if (argc > 1 && !cmd) {
		fprintf(stderr, "skep: no command \"%s\"; skep help lists them\n", argv[1]);
		return EXIT_USAGE;
	}
	if (cmd)
		opt_help(cmd);
	else
		print_help(stdout);
	return EXIT_DONE;
}

static bool is_word(const char *arg, const char *a, const char *b)
{
	return !strcmp(arg, a) || !strcmp(arg, b);
}

/* What was buffered must have arrived, or the run has failed. */
static int finish(int status)
{
	if (!cli_flush() && status == EXIT_DONE && out_err != EPIPE) {
		fprintf(stderr, "skep: error: can't write the output: %s\n", strerror(out_err));
		return EXIT_FAILED;
	}
	return status;
}

/* No file that we open may become stdout: one that is closed fails as such, in either direction. */
static void keep_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
			exit(EXIT_FAILED);
}

/*
 * Our timers and the command's death interrupt a write to a pipe that is full; stdio would drop
 * what it holds. Ctrl-C ends the wait for a reader that does not read.
 */
static ssize_t write_all(void *cookie, const char *buf, size_t size)
{
	size_t done = 0;

	(void)cookie;
	while (done < size) {
		ssize_t n = write(STDOUT_FILENO, buf + done, size - done);

		if (n > 0)
			done += (size_t)n;
		else if (!n || errno != EINTR || cli_interrupts > 1)
			return done ? (ssize_t)done : -1;
	}
	return (ssize_t)done;
}

static void take_stdout(void)
{
	static char buf[2 * PIPE_BUF];
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_all});

	if (!f)
		exit(EXIT_FAILED);
	setvbuf(f, buf, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, sizeof(buf));
	stdout = f;
}

static void on_failed_write(int sig)
{
	(void)sig; /* the write says -EPIPE or -EFBIG */
}

/* Caught, not ignored: a traced command would inherit that. */
static void catch_failed_writes(void)
{
	static const int sigs[] = {SIGPIPE, SIGXFSZ};
	struct sigaction act = {.sa_handler = on_failed_write, .sa_flags = SA_RESTART}, old;

	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++)
		if (!sigaction(sigs[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(sigs[i], &act, NULL);
}

int main(int argc, char **argv)
{
	const struct command *cmd;

	keep_standard_files();
	take_stdout();
	catch_failed_writes();
	skep_log_set(on_log, NULL);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (is_word(argv[1], "help", "--help") || !strcmp(argv[1], "-h"))
		return finish(help(argc - 1, argv + 1));
	if (is_word(argv[1], "version", "--version")) {
		printf("skep %s\n", skep_version());
		return finish(EXIT_DONE);
	}
	cmd = find_command(argv[1]);
	if (!cmd) {
		fprintf(stderr, "skep: no command \"%s\"; skep help lists them\n", argv[1]);
		return EXIT_USAGE;
	}
	return finish(cmd->run(argc - 1, argv + 1));
}
