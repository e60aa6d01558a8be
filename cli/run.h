/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * skep run, shared between cmd_run.c (the flow), run_vars.c (--VAR=VALUE), run_output.c (events,
 * verdicts, maps), run_left.c (what a test leaves) and run_guard.c (-p survives kill -9).
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli.h"
#include <signal.h>
#include <skep/metrics.h>

struct run_config {
	int engine;
	const char *btf, *clang;
	struct opt_list cflags;
	uint64_t pid;
	const char *pcap, *out, *ifname;
	struct opt_list fib;
	const char *ctx, *packet;
	uint64_t repeat;
	const char *binary;
	struct opt_list attach, progs, maps, entries, vars;
	int format;
	const char *fields;
	struct opt_list ifaces, routes;
	const char *xdp_mode, *direction, *cgroup, *netns, *sockmap, *netfilter, *event,
		*target_prog, *target_map;
	const char *device, *pin;
	uint64_t freq, period, port;
	int replace;
	double duration, interval;
	const char *print_maps;
	uint64_t max_insns, map_memory;
	int fail_on_loss, unpatched;
	const char *metrics;
	int verbose, quiet;
};

struct run_verdict {
	char *prog, *verdict;
	uint64_t ret, count;
};

/* What the last run of a program left, by kind. */
struct run_left {
	char *prog, *what;
	unsigned char *data;
	size_t size;
};

struct run {
	const struct run_config *config;
	struct skep_object *obj;
	struct skep_session *session;
	struct skep_printer *printer;
	struct skep_metrics *metrics;
	struct run_verdict *verdicts;
	size_t nr_verdicts;
	struct run_left *left;
	size_t nr_left;
	uint64_t other_verdicts; /* runs that found no row */
	bool faulted;
	bool may_retry;  /* a refused load is not told: it is compiled once more */
	bool out_failed; /* stdout is closed: nobody reads any more */
};

/* The FILE among the words and its place in rest; NULL: there is none. */
const char *run_find_file(struct opt_rest *rest, size_t *ret_idx);
/* Set what in rest and in --var are variables. 0, or an exit status after a message. */
int run_set_vars(struct skep_object *obj, const struct run_config *c, const struct opt_rest *rest,
		 size_t file_idx);

/* Everything after this is done by a child, which survives us (see run_guard.c): false in the
 * child; true in the parent when the child has ended, with the status to end with. */
bool run_guard(int *ret_status);

int run_on_event(void *ctx, const struct skep_event *event);
void run_on_result(void *ctx, const struct skep_result *result);
void run_on_output(void *ctx, const struct skep_output *output);
void run_on_fault(void *ctx, const char *prog, const struct skep_diag *diag);
int run_print_maps(struct run *r, struct skep_diag *diag); /* those that are to be printed */
void run_print_verdicts(struct run *r);
void run_print_left(struct run *r);
void run_print_summary(struct run *r);
void run_print_losses(struct run *r); /* by buffer, where something was lost */
void run_verdicts_done(struct run *r);
void run_left_done(struct run *r);

#endif
