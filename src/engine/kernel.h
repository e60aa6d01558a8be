/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Inside the kernel engine: what kernel.c (the flow) and kernel_*.c share. libbpf opens, relocates
 * and loads; where programs go, who owns what was attached, and what comes out is ours.
 */
#ifndef ENGINE_KERNEL_H
#define ENGINE_KERNEL_H

#include "base/strbuf.h"
#include "base/vec.h"
#include "engine/engine.h"
#include "engine/kernel_patch.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <signal.h>
#include <sys/types.h>

struct kernel_events;

/* A program that is loaded. The same bpf_program may stand here twice: attached to two places. */
struct kernel_prog {
	const struct prog *prog; /* the object's, or its copy in `moved` */
	struct bpf_program *bpf; /* libbpf's; the bpf_object's */
	bool is_target;          /* reached by tail calls only: not attached by itself */
};

/* A live map; its index is the object's. */
struct kernel_map {
	struct map_def def;  /* as the kernel made it */
	struct bpf_map *bpf; /* NULL: libbpf has no such map */
	int fd;              /* the bpf_map's; -1: not created */
};

/* Something that is attached, as long as it is held. Owns bpf or fd. */
struct kernel_link {
	const struct kernel_prog *prog;
	struct bpf_link *bpf; /* NULL: it is the descriptor that holds it */
	int fd;               /* -1: none */
};

/* The command: forked before anything is loaded, so that programs can know its id. */
struct kernel_child {
	pid_t pid;     /* 0: none */
	int go;        /* closing it without a word ends the child; -1: released or none */
	int pidfd;     /* readable when it has ended; also that of --pid; -1: none */
	int status;    /* as a shell's $?; -1: not ended yet */
	bool is_other; /* --pid: not our child */
	bool ended;
};

struct kernel_engine {
	struct engine engine;
	struct object *obj;
	struct engine_opts opts;
	struct kernel_patch patch; /* what libbpf is given instead of the object's own image */
	struct bpf_object *bpf;
	struct kernel_prog *progs;
	u32 nr_progs;
	struct kernel_map *maps;
	u32 nr_maps;
	VEC(struct kernel_link) links;
	struct kernel_child child;
	struct kernel_events *events;
	volatile sig_atomic_t stopped;
	bool finished; /* detached, and all that was reported is read */
	int end;       /* what the event callback returned, once it was not 0 */
};

int kernel_patch(struct kernel_engine *k, struct skep_diag *diag); /* kernel_patch.c; never fails */

/* kernel_open.c: the object in libbpf's hands, with our values; then loaded. */
int kernel_open(struct kernel_engine *k, struct skep_diag *diag);
struct bpf_map *kernel_find_map(struct kernel_engine *k, const struct object_map *om);
int kernel_fill(struct kernel_engine *k, struct skep_diag *diag); /* values, sizes, programs */
int kernel_load_object(struct kernel_engine *k, struct skep_diag *diag);

/* kernel_child.c */
int kernel_child_spawn(struct kernel_engine *k, struct skep_diag *diag); /* it waits */
int kernel_child_release(struct kernel_engine *k, struct skep_diag *diag);
void kernel_child_check(struct kernel_engine *k);    /* has it ended? sets status and ended */
u32 kernel_child_pid(const struct kernel_engine *k); /* the traced process; 0: none */
void kernel_child_done(struct kernel_engine *k);

/* kernel_attach.c */
int kernel_attach(struct kernel_engine *k, struct skep_diag *diag);

/* kernel_links.c */
/* Takes the link, also when it fails. */
int kernel_link_add(struct kernel_engine *k, const struct kernel_prog *p, struct bpf_link *link,
		    struct skep_diag *diag);
int kernel_link_add_fd(struct kernel_engine *k, const struct kernel_prog *p, int fd,
		       struct skep_diag *diag);
void kernel_links_close(struct kernel_engine *k);

/* kernel_maps.c */
int kernel_maps_open(struct kernel_engine *k, struct skep_diag *diag); /* behind the load */
int kernel_map_io(struct engine *e, u32 idx, struct event_map_io *ret);

/*
 * kernel_events.c: ring and perf buffers, on their way to the caller. Opened behind the load and
 * before anything is attached.
 */
int kernel_events_open(struct kernel_engine *k, struct skep_diag *diag);
/* Wait at most timeout_ms for records or for the traced process' end; deliver what is there. 0, or
 * -errno (-EINTR: a signal came). */
int kernel_events_poll(struct kernel_engine *k, int timeout_ms, struct skep_diag *diag);
void kernel_events_wake(struct kernel_engine *k); /* end the poll; async-signal-safe */
/* Behind the detaching: deliver, or count, what is left. */
void kernel_events_finish(struct kernel_engine *k);
void kernel_events_stats(const struct kernel_engine *k, struct engine_stats *ret);
void kernel_events_close(struct kernel_engine *k);

/*
 * kernel_log.c: what libbpf and the kernel say goes to the log (debug); errors are kept, for the
 * diagnosis of the call that failed.
 */
void kernel_log_begin(void); /* before calls of libbpf: forget what was said */
const char *
kernel_log_first(void); /* the first complaint since, in this thread, "" if there was none */
const char *kernel_log_verifier(void); /* the kernel's log of the last refused program, or "" */
void kernel_log_done(void);

#endif
