/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The command line: one file and one const struct per command, options as rows of a table that
 * writes into the command's config struct. Only the public headers of the library are used.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <signal.h>
#include <skep/diag.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Exit statuses: one meaning each, in every command. */
enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* refused or failed */
	EXIT_USAGE = 2,
	EXIT_IMPOSSIBLE = 77, /* not possible on this machine */
};

enum opt_type {
	OPT_FLAG,    /* int: how often it was given */
	OPT_STRING,  /* const char * */
	OPT_NUMBER,  /* uint64_t; 0x, k, m, g */
	OPT_SECONDS, /* double */
	OPT_CHOICE,  /* int: index in `arg`, "a|b|c" */
	OPT_LIST,    /* struct opt_list; may be given more than once */
};

struct opt {
	char letter; /* 0: none */
	const char *name;
	enum opt_type type;
	size_t offset; /* in the config struct */
	const char *arg;
	const char *help;
};

struct opt_list { /* NULL-terminated; the strings are argv's */
	const char **items;
	size_t nr;
};

/* What is no known option, in order. */
struct opt_rest {
	struct opt_rest_item {
		const char *name;  /* of an unknown --name; NULL for a word */
		const char *value; /* the word, or what follows =; NULL: nothing followed */
	} * items;
	size_t nr;
	char **command; /* what follows --, NULL-terminated; NULL: nothing */
};

struct command {
	const char *name;
	const char *summary;    /* one line */
	const char *usage;      /* what follows "skep NAME" */
	const char *text;       /* a few lines for --help */
	const struct opt *opts; /* ends with name NULL */
	int (*run)(int argc, char **argv);
};

/* False: what was printed does not arrive. main says why when the command is done. */
bool cli_flush(void);
extern volatile sig_atomic_t cli_interrupts; /* above 1: do not wait for anything any more */

extern const struct command cmd_run, cmd_show, cmd_map, cmd_unpin, cmd_check, cmd_doctor;

/*
 * Parse argv[1..] into config. 0; EXIT_USAGE after a message; -1 when --help was printed.
 * rest may be NULL: unknown options and words are then errors.
 */
int opt_parse(const struct command *cmd, void *config, int argc, char **argv,
	      struct opt_rest *rest);
/* "NAME=VALUE" of a list's item: copies the name. False: no '=', or the name does not fit. */
bool opt_split(const char *item, char *name, size_t size, const char **ret_value);
/* 10, 0x10, 4k, 1m, 2g (powers of 1000); false: it is no number, or too large. */
bool opt_number(const char *s, uint64_t *ret);
void opt_rest_done(struct opt_rest *rest);
void opt_list_done(struct opt_list *list);
void opt_help(const struct command *cmd);
bool opt_exists(const struct command *cmd, const char *name);

/* "skep: error: …" on stderr; returns EXIT_FAILED, or EXIT_IMPOSSIBLE for -ENOTSUP and kin. */
int cli_error(const struct skep_diag *diag);
int cli_usage(const struct command *cmd, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Library messages to stderr: warnings, with -v also info, with -vv debug. */
void cli_log_level(int verbose, bool quiet);

/* Output callback of the library to stdout. */
int cli_write(void *ctx, const char *text, size_t size);
int cli_write_clean(void *ctx, const char *text, size_t size); /* without control characters */

/* A string with JSON's quotes and escapes, to stdout. */
void cli_json_string(const char *s);

#endif
