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
#include "engine/kernel_guard.h"
#include "engine/kernel_patch.h"
#include "engine/select.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <signal.h>
#include <sys/types.h>

struct kernel_events;
struct kernel_prog;
struct kernel_engine;

/* What a section does not say and an option must give. */
enum kernel_need {
	NEED_IFACE = 1,
	NEED_DIRECTION = 2,
	NEED_CGROUP = 4,
	NEED_SOCKMAP = 8,
	NEED_ROUTE = 16,
	NEED_NETFILTER = 32,
	NEED_SAMPLES = 64, /* --freq or --period */
	NEED_PROG = 128,
	NEED_MAP = 256,
	NEED_DEVICE = 512,
	NEED_PORT = 1024,
	NEED_PID = 2048,
	NEED_BINARY = 4096,
	NEED_SECTION = 8192, /* --attach: the section leaves open what it is */
	NEED_NETNS = 16384,
};

/* How a kind of SEC() is attached; kernel_kinds.c has one for each that libbpf knows. */
struct kernel_kind {
	const char *section; /* as in spec/sections.def */
	/* NULL: there is nothing to attach, it runs where a map leads to it */
	int (*attach)(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag);
	u32 arg;   /* what attach makes of it */
	u32 needs; /* enum kernel_need */
	/* before the load; may be NULL */
	int (*prepare)(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag);
};

/* A program that is loaded. The same bpf_program may stand here twice: attached to two places. */
struct kernel_prog {
	const struct prog *prog; /* the object's, or its copy in `moved` */
	struct bpf_program *bpf; /* libbpf's; the bpf_object's */
	const struct kernel_kind *kind;
	bool is_target; /* reached by tail calls only: not attached by itself */
	bool is_once;   /* it ran, or printed, and is done: nothing more comes */
};

/* A live map; its index is the object's. */
struct kernel_map {
	struct map_def def;  /* as the kernel made it */
	struct bpf_map *bpf; /* NULL: libbpf has no such map */
	int fd;              /* the bpf_map's; -1: not created */
};

/* Something that is attached, as long as it is held. Owns bpf or fd. */
struct kernel_link {
	const struct kernel_prog *prog; /* NULL: a map's (struct_ops) */
	struct bpf_link *bpf;           /* NULL: it is the descriptor that holds it */
	int fd;                         /* -1: none */
	char *where;                    /* for people: "xdp on veth0 (native)" */
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

#define KERNEL_NR_ID_KINDS 9 /* kinds of sections that are attached by BTF */

struct kernel_engine {
	struct engine engine;
	struct object *obj;
	struct engine_opts opts;
	struct kernel_patch patch; /* what libbpf is given instead of the object's own image */
	void *short_image;         /* see kernel_struct_ops.c */
	struct bpf_object *bpf;
	struct kernel_prog *progs;
	u32 nr_progs;
	bool *dropped;  /* by the object's index: not loaded, another one does the same, or none */
	bool is_again;  /* loaded more than once: what is to be said was said */
	bool unpatched; /* Linux did not like the patched programs */
	struct moved_progs moved;
	int netns_fd, old_netns_fd; /* of --netns; -1: none */
	int types_fd;               /* kernel_types.c: a file with the types it needs; -1: none */
	u32 *ids;                   /* kernel_ids.c: by program of the object; NULL: not known */
	int ids_mark;
	int ids_handlers[KERNEL_NR_ID_KINDS];
	pid_t types_pid;            /* the child that makes one; 0: none */
	int tracefs_fd;             /* -1: not asked for yet */
	int target_prog_fd;         /* of --target-prog; -1: none */
	struct kernel_guard *guard; /* NULL: nothing needs one yet */
	int guard_fd;
	pid_t guard_pid;
	bool has_route; /* one route carries all programs of lightweight tunnels */
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

/* kernel_types.c: a file with the kernel's types that the object needs; the engine's; -1: none */
int kernel_types_find(struct kernel_engine *k);
void kernel_types_done(struct kernel_engine *k);

/* kernel_ids.c: what programs are attached to, by ids that are known from last time. */
bool kernel_ids_wants(const struct prog *prog);
u32 kernel_ids_find(const struct btf *btf, const struct prog *prog); /* 0: not there */
void kernel_ids_begin(struct kernel_engine *k); /* before libbpf opens the object */
bool kernel_ids_use(struct kernel_engine *k, struct kernel_prog *p); /* it has what it needs */
void kernel_ids_end(struct kernel_engine *k);                        /* behind the load */

/* kernel_open.c: the object in libbpf's hands, with our values; then loaded. */
int kernel_open(struct kernel_engine *k, struct skep_diag *diag);
struct bpf_map *kernel_find_map(struct kernel_engine *k, const struct object_map *om);
int kernel_fill(struct kernel_engine *k, struct skep_diag *diag); /* values, sizes, programs */

/* kernel_load.c */
int kernel_load_object(struct kernel_engine *k, struct skep_diag *diag);

/* kernel_verdict.c: why a load failed, with the source line. Returns err. */
int kernel_tell_refused(struct kernel_engine *k, int err, struct skep_diag *diag);
const struct kernel_prog *kernel_culprit(const struct kernel_engine *k); /* NULL: not a program */

/* kernel_child.c */
int kernel_child_spawn(struct kernel_engine *k, struct skep_diag *diag); /* it waits */
int kernel_child_release(struct kernel_engine *k, struct skep_diag *diag);
void kernel_child_check(struct kernel_engine *k);    /* has it ended? sets status and ended */
u32 kernel_child_pid(const struct kernel_engine *k); /* the traced process; 0: none */
void kernel_child_done(struct kernel_engine *k);

/* kernel_struct_ops.c */
/* What libbpf is to open instead of image; k owns it. */
const void *kernel_struct_ops_image(struct kernel_engine *k, const void *image, size_t size);
void kernel_struct_ops_prepare(struct kernel_engine *k); /* before the load */
int kernel_struct_ops_attach(struct kernel_engine *k, struct skep_diag *diag);

/* kernel_kinds.c */
const struct kernel_kind *kernel_kind(const struct prog *prog); /* NULL: nobody knows the section */
const struct kernel_kind *kernel_kind_row(u32 idx);             /* all rows, then NULL */

/* kernel_need.c: is everything there that its kind needs? The error lists candidates. */
int kernel_check_needs(struct kernel_engine *k, const struct kernel_prog *p,
		       struct skep_diag *diag);

/* kernel_test.c: programs run on a given context or packet instead of being attached. */
bool kernel_is_test(const struct kernel_engine *k);
int kernel_test(struct kernel_engine *k, struct skep_diag *diag);

/* kernel_attach.c */
int kernel_attach(struct kernel_engine *k, struct skep_diag *diag);
/* A link that libbpf made, or did not (errno). */
int kernel_attached(struct kernel_engine *k, struct kernel_prog *p, struct bpf_link *link,
		    struct skep_diag *diag, const char *fmt, ...) __printf(5, 6);
/* The same of a descriptor, or -errno. */
int kernel_attached_fd(struct kernel_engine *k, struct kernel_prog *p, int fd,
		       struct skep_diag *diag, const char *fmt, ...) __printf(5, 6);

/* kernel_target.c: what options name. */
int kernel_netns_open(struct kernel_engine *k, struct skep_diag *diag);
int kernel_netns_enter(struct kernel_engine *k,
		       struct skep_diag *diag); /* nothing without --netns */
void kernel_netns_leave(struct kernel_engine *k);
int kernel_ifindex(const char *iface, struct skep_diag *diag);    /* in the current namespace */
int kernel_cgroup_open(const char *path, struct skep_diag *diag); /* a descriptor */
const char *kernel_cgroup_mount(char *buf, size_t size);          /* of cgroup2; NULL: none */
int kernel_target_prog(struct kernel_engine *k, struct skep_diag *diag); /* a descriptor, kept */
int kernel_map_open(const char *name, struct skep_diag *diag); /* id or pinned path: a descriptor */
u32 kernel_prog_id(const struct kernel_prog *p);
int kernel_dup(int fd); /* closed on exec; -errno */

/* kernel_near.c: this kernel has no such place; the nearest names. -ENOENT, "no-such-place" */
int kernel_no_function(struct kernel_engine *k, const char *name, struct skep_diag *diag);
/* It is there, and Linux can't put a probe on it. Returns err, "no-such-place". */
int kernel_no_probe(struct skep_diag *diag, int err, const char *name);
int kernel_no_tracepoint(struct kernel_engine *k, const char *name, struct skep_diag *diag);
/* kernel_trace.c: a perf event of CATEGORY/NAME; a descriptor or -errno */
int kernel_open_tracepoint(struct kernel_engine *k, const char *target, struct skep_diag *diag);

/* kernel_who.c: somebody else is attached: says who. Returns err. */
int kernel_tell_who(struct skep_diag *diag, int err, u32 prog_id, const char *fmt, ...)
	__printf(4, 5);
int kernel_tell_query(struct skep_diag *diag, int err, int target_fd, u32 attach_type,
		      const char *where); /* those that BPF_PROG_QUERY lists */
/* With --replace, detach who is there alone; an error without it (XDP), else nothing. */
int kernel_xdp_make_room(struct kernel_engine *k, const char *iface, int ifindex, u32 prog_id,
			 struct skep_diag *diag);
int kernel_make_room(struct kernel_engine *k, int target_fd, u32 attach_type, const char *where,
		     struct skep_diag *diag);

/* kernel_clsact.c: filters of tc */
int kernel_attach_clsact(struct kernel_engine *k, struct kernel_prog *p, const char *iface,
			 int ifindex, bool ingress, struct skep_diag *diag);
int kernel_attach_matchall(struct kernel_engine *k, struct kernel_prog *p, const char *iface,
			   int ifindex, bool ingress, struct skep_diag *diag);

/* kernel_sys.c: bpf(2) where libbpf or <linux/bpf.h> may be too old, and tracefs. */
struct sys_link {
	u32 prog_fd, target_fd, attach_type, flags;
	union {
		struct {
			u32 flags, cnt;
			u64 syms, addrs, cookies;
		} kprobe_multi;
		struct {
			u32 pf, hook;
			s32 priority;
			u32 flags;
		} netfilter;
		struct {
			u64 path, offsets, ref_ctr_offsets, cookies;
			u32 cnt, flags, pid, path_fd;
		} uprobe_multi;
		struct {
			u64 ids, cookies;
			u32 cnt;
		} tracing_multi;
	};
};
int sys_link_create(const struct sys_link *attr); /* a descriptor or -errno */
/* The root of tracefs: where it is mounted, else a mount of our own that nobody sees. */
int kernel_tracefs(struct kernel_engine *k, struct skep_diag *diag);

/* kernel_trace.c, kernel_user.c, kernel_net.c, …: attach functions of the kinds */
#define KIND(name) int name(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
KIND(kernel_attach_tracepoint);
KIND(kernel_attach_raw_tp);
KIND(kernel_attach_trace);
KIND(kernel_attach_tracing_multi);
KIND(kernel_attach_freplace);
KIND(kernel_attach_lsm);
KIND(kernel_prepare_btf);
KIND(kernel_prepare_freplace);
KIND(kernel_attach_kprobe);
KIND(kernel_attach_ksyscall);
KIND(kernel_attach_kprobe_multi);
KIND(kernel_attach_uprobe);
KIND(kernel_attach_uprobe_multi);
KIND(kernel_attach_usdt);
KIND(kernel_attach_perf);
KIND(kernel_attach_iter);
KIND(kernel_run_syscall);
KIND(kernel_attach_xdp);
KIND(kernel_attach_tc);
KIND(kernel_attach_action);
KIND(kernel_attach_netkit);
KIND(kernel_attach_netns);
KIND(kernel_attach_netfilter);
KIND(kernel_attach_socket);
KIND(kernel_attach_reuseport);
KIND(kernel_attach_route);
KIND(kernel_attach_cgroup);
KIND(kernel_attach_cgroup_skb);
KIND(kernel_attach_sockmap);
KIND(kernel_attach_lirc);
KIND(kernel_attach_open);
#undef KIND

/* kernel_links.c */
/* Takes what is in it, also when it fails. */
int kernel_link_add(struct kernel_engine *k, struct kernel_link link, struct skep_diag *diag);
void kernel_links_close(struct kernel_engine *k);

/* kernel_caps.c: this process gives up the capabilities that the rest does not need */
void kernel_drop_caps(struct kernel_engine *k);

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
int kernel_events_watch(struct kernel_engine *k, int fd, bool on);
void kernel_events_wake(struct kernel_engine *k); /* end the poll; async-signal-safe */
/* Behind the detaching: deliver, or count, what is left. */
void kernel_events_finish(struct kernel_engine *k);
bool kernel_events_buffer(const struct kernel_engine *k, u32 idx, struct engine_buffer *ret);
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
