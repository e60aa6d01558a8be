/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Hooks in user space. A provider is one file and one const struct: it says which programs it
 * serves, and turns what happens in its part of the world (a system call of a traced command, a
 * packet of a capture, a context from a file) into runs of these programs.
 *
 * One thread drives a hook_set: attach, start, then poll until it says that nothing more can come.
 */
#ifndef HOOK_HOOK_H
#define HOOK_HOOK_H

#include "base/diag.h"
#include "elf/symbols.h"
#include "model/model.h"
#include "vm/vm.h"

struct hook_set;
struct hook_provider;

/* One attached program. */
struct hook_prog {
	const struct prog *prog;
	struct vm_prog *code;
	const struct hook_provider *provider;
	void *priv;       /* the provider's own */
	u64 runs, errors; /* counted by hook_run */
	u64 ns;           /* time spent in runs, when hook_opts.stats */
};

struct hook_opts {
	/* proc: a command to start, or a process to attach to (argv NULL, pid != 0) */
	char *const *argv;
	u32 pid;
	/* pcap */
	const char *pcap_in, *pcap_out;
	const char *iface_name; /* what ifindex 1 is called; NULL: "pcap0" */
	const char *const *fib; /* rows of the routing table for fib_lookup; NULL-terminated */
	/* test */
	const char *ctx_file, *pkt_file; /* a file, or hex:… */
	u64 repeat;
	/* uprobe: the program of which "-" and libraries without a path are searched */
	const char *binary;
	/* the object's maps by index: USDT fills the two that libbpf's usdt.bpf.h defines */
	struct map *const *maps;
	u32 nr_maps;
	bool stats;
	/* a program's return value, after each run (test, pcap); may be NULL */
	void (*result)(void *ctx, const struct hook_prog *prog, u64 ret);
	/* test: what a run left ("packet", "context", "flow_keys"), after result; may be NULL */
	void (*output)(void *ctx, const struct hook_prog *prog, const char *what, const void *data,
		       size_t size);
	/* a run that ended in a fault; may be NULL */
	void (*fault)(void *ctx, const struct hook_prog *prog, const struct skep_diag *diag);
	/* iter: what the program has written, whole lines; may be NULL */
	void (*text)(void *run_ctx, const struct hook_prog *prog, const char *text, size_t size);
	struct symbols *symbols; /* told of the stacks that are taken; may be NULL */
	const char *iter_map;    /* iter: the map that is walked, where its section does not say */
	/* after each run of any program: time to empty its buffers; may be NULL */
	void (*after_run)(void *run_ctx);
	/* proc: the id of the command or process, before any program runs; may be NULL */
	void (*started)(void *run_ctx, u32 pid);
	void *run_ctx;
	void *ctx;
};

struct hook_provider {
	const char *name; /* "proc", "pcap", "test", … */
	bool last;        /* not polled before all others are over */
	/* May it serve this program with these options? NULL: yes; "": it is not for this provider;
	 * else why not, in words; hook_needs_… where only an option is missing. */
	const char *(*serves)(const struct prog *prog, const struct hook_opts *opts);
	int (*init)(struct hook_set *set, struct skep_diag *diag); /* fills *hook_priv() */
	int (*attach)(struct hook_set *set, struct hook_prog *hp, struct skep_diag *diag);
	int (*start)(struct hook_set *set, struct skep_diag *diag);
	/* Wait at most timeout_ms and run programs. 1: more may come, 0: finished, -errno. */
	int (*poll)(struct hook_set *set, int timeout_ms, struct skep_diag *diag);
	void (*stop)(struct hook_set *set);       /* detaches; traced processes go on */
	int (*exit_status)(struct hook_set *set); /* of the traced command; -1: none */
	void (*done)(struct hook_set *set);
};

/* vm and model (may be NULL) are borrowed and must outlive the set; so must what opts points to. */
int hook_set_new(struct vm *vm, struct model *model, const struct hook_opts *opts,
		 struct hook_set **ret, struct skep_diag *diag);
/* Finds the provider (the first that serves it) and attaches. *ret is the set's, as long as the
 * set lives; ret may be NULL. -ENOTSUP: nobody serves it; diag lists what each provider says.
 * Errors name the program and its section. */
int hook_attach(struct hook_set *set, const struct prog *prog, struct vm_prog *code,
		struct hook_prog **ret, struct skep_diag *diag);
/* Which provider would take it, NULL if none (diag then has what each says). Needs no hook_set. */
const struct hook_provider *hook_find(const struct prog *prog, const struct hook_opts *opts,
				      struct skep_diag *diag);
int hook_start(struct hook_set *set, struct skep_diag *diag); /* of each provider in use */
/* Wait at most timeout_ms and run programs. 1: more may come, 0: finished, -errno (-EINTR: a
 * signal came, nothing is wrong). */
int hook_poll(struct hook_set *set, int timeout_ms, struct skep_diag *diag);
void hook_stop(struct hook_set *set);
int hook_exit_status(struct hook_set *set);           /* -1: there was no command */
struct hook_set *hook_set_free(struct hook_set *set); /* NULL is fine; returns NULL */

/* What a packet program's return value is called ("XDP_PASS"); NULL: it has no name. */
const char *hook_verdict_name(u32 prog_type, u32 attach_type, u64 ret);
const char *hook_verdict_of(const struct prog *prog, u64 ret);

/* For providers. */
struct vm *hook_vm(struct hook_set *set);
struct model *hook_model(struct hook_set *set);
const struct hook_opts *hook_options(struct hook_set *set);
void **hook_priv(struct hook_set *set, const struct hook_provider *provider);
/* Run one program: counts, reports faults, gives its return value (0 after a fault). */
u64 hook_run(struct hook_set *set, struct hook_prog *hp, struct vm_env *env, void *ctx,
	     size_t ctx_size);

/* What serves() gives when only an option is missing: known by address, for exit status 2. */
extern const char hook_needs_process[], hook_needs_capture[];

extern const struct hook_provider hook_proc, hook_pcap, hook_test, hook_iter;

#endif
