/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A session: an object loaded into an engine, attached, running.
 *
 *     skep_session_new → skep_session_map_set … → skep_session_start → skep_session_poll until it
 *     returns 0 → skep_session_free
 *
 * Threads: one session is for one thread at a time, except skep_session_stop.
 */
#ifndef SKEP_SESSION_H
#define SKEP_SESSION_H

#include <skep/event.h>
#include <skep/object.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct skep_session;

enum skep_engine {
	SKEP_ENGINE_AUTO,
	SKEP_ENGINE_USER,   /* this process; needs no privilege */
	SKEP_ENGINE_KERNEL, /* Linux; -ENOTSUP where this version of the library has none */
};

/** What one run of a program gave, where somebody may want to know it: a packet, a test. */
struct skep_result {
	size_t sz;
	const char *prog;
	uint64_t ret;        /* R0, as wide as the program's type has it */
	const char *verdict; /* "XDP_DROP", "TC_ACT_OK", …; NULL where the number has no name */
	size_t : 0;
};

/**
 * What a run of a test left behind, or what an iterator has written ("text": piece by piece, as
 * many bytes as it wrote). data is valid during the callback.
 */
struct skep_output {
	size_t sz;
	const char *prog;
	const char *what; /* "packet", "context", "flow_keys" */
	const void *data;
	size_t size;
	size_t : 0;
};

struct skep_session_opts {
	size_t sz;
	enum skep_engine engine;
	/* What to attach to; which of them a program needs is its type's matter. */
	char *const *argv;         /* a command to run and trace, NULL-terminated */
	uint32_t pid;              /* or a running process */
	const char *pcap_in;       /* a capture to read packets from */
	const char *pcap_out;      /* where packets that pass go; NULL: nowhere */
	const char *ifname;        /* the interface of the capture; NULL: a default */
	const char *const *fib;    /* routing table for bpf_fib_lookup, NULL-terminated */
	const char *ctx_file;      /* test: the context, a file or "hex:0011…" */
	const char *pkt_file;      /* test: the packet, likewise */
	uint64_t repeat;           /* test: number of runs; 0: 1 */
	const char *binary;        /* what a uprobe without a path is in; NULL: the command */
	const char *const *attach; /* "PROGRAM=SECTION": attach it there; NULL-terminated */
	uint64_t max_insns;        /* user engine: budget of one run; 0: the default */
	uint64_t map_memory;       /* user engine: bytes that all maps of this process may hold;
				      0: three quarters of the machine's memory */
	/* Callbacks, all from the thread that polls; each may be NULL. */
	int (*event)(void *ctx, const struct skep_event *event); /* non-zero ends the session */
	void (*result)(void *ctx, const struct skep_result *result);
	void (*fault)(void *ctx, const char *prog, const struct skep_diag *diag);
	void (*output)(void *ctx, const struct skep_output *output); /* after result */
	void *ctx;
	/* Kernel engine: where to attach programs whose sections do not say. Nothing is guessed:
	 * what a program needs and is not given is an error ("needs-target") that lists candidates.
	 */
	const char *const
		*ifaces;       /* network interfaces, NULL-terminated: xdp, tc, netkit, socket */
	const char *xdp_mode;  /* "native", "skb", "offload"; NULL: native, else skb, told */
	const char *direction; /* "ingress", "egress" of tc and cgroup/skb */
	const char *cgroup;    /* a path, or one below where cgroup2 is mounted */
	const char *netns;     /* a name (ip netns), a path or a pid: all of the above is there */
	const char *sockmap;   /* a map of the object: sk_msg, sk_skb */
	const char *const
		*routes;         /* lwt: "PREFIX [via GATEWAY] [dev IFACE] [table N] [metric N]" */
	const char *netfilter;   /* "ipv4:local_in[:PRIORITY]" */
	const char *perf_event;  /* "cpu-clock" (the default), "page-faults", …, "r1a8" */
	uint64_t freq, period;   /* perf_event: samples per second, or every so many events */
	const char *target_prog; /* freplace, fentry on programs: an id, a name, a pinned path */
	const char *target_map;  /* iter/bpf_map_elem and kin */
	const char *device;      /* lirc_mode2 */
	uint32_t port;           /* sk_reuseport: of the sockets of process `pid` */
	bool replace;            /* take the place of a program that is attached already */
	const char *pin;         /* keep program, links and maps under bpffs, with that name */
	bool unpatched; /* kernel engine: load programs as they are; what they lose in ring buffers
			   is not counted then, and every record may wake us */
	bool drop_caps; /* kernel engine: once everything is attached, this process gives up the
			   capabilities that reading and detaching do not need, for good
			   (no_new_privs): for programs that do nothing else */
	size_t : 0;
};

/**
 * Load: relocate, create maps, make programs ready. The object, and whatever opts points to, must
 * outlive the session; an object can be loaded once (-EBUSY). -ENOTSUP, -EOPNOTSUPP: the engine
 * cannot run it; diag->id is "needs-target" where only a command, a process or a capture is
 * missing.
 */
int skep_session_new(struct skep_object *obj, const struct skep_session_opts *opts,
		     struct skep_session **ret, struct skep_diag *diag);

/** Attach everything and start the command. Once; after an error only free is left. */
int skep_session_start(struct skep_session *s, struct skep_diag *diag);

/**
 * Wait at most timeout_ms (-1: as long as it takes), run programs, deliver events. 1: more may
 * come, 0: finished or stopped, -errno, or what the event callback returned.
 */
int skep_session_poll(struct skep_session *s, int timeout_ms, struct skep_diag *diag);

/** End the current and every later poll soon. Async-signal-safe. */
void skep_session_stop(struct skep_session *s);

struct skep_session *skep_session_free(struct skep_session *s); /* NULL is fine; returns NULL */

struct skep_session_stats {
	size_t sz;
	uint64_t produced, delivered, lost; /* events; produced = delivered + lost */
	uint64_t runs, faults;              /* of programs */
	int exit_status;                    /* of the command, as a shell's $?; -1: none (yet) */
	size_t : 0;
};
/** ret->sz must be set. May be called at any time, also after the end. */
void skep_session_get_stats(const struct skep_session *s, struct skep_session_stats *ret);

/** The same of one buffer. */
struct skep_buffer_stats {
	size_t sz;
	const char *map; /* NULL: printk, or lost on the way to a map that is not known */
	uint64_t delivered, lost;
	size_t : 0;
};
/** ret->sz must be set. -ENOENT: there are no more than idx; their sums are those of all. */
int skep_session_get_buffer(const struct skep_session *s, size_t idx,
			    struct skep_buffer_stats *ret);

/** Which engine it runs in: "user" or "kernel", and why that one was taken. */
const char *skep_session_engine(const struct skep_session *s);
const char *skep_session_engine_why(const struct skep_session *s);

/**
 * Maps of a session, typed by BTF. key and value are text as in skep_object_set_var. -ENOENT: no
 * such map; what the map itself refuses has the errno of bpf(2).
 */
int skep_session_map_set(struct skep_session *s, const char *map, const char *key,
			 const char *value, struct skep_diag *diag);
/** A whole map from JSON: {"key": value, …} or [value, …]. */
int skep_session_map_load(struct skep_session *s, const char *map, const char *json,
			  struct skep_diag *diag);
/**
 * Print a map's contents, of .data and .bss the variables that have changed; when map is NULL all
 * that have any. What write returned, if it was not 0.
 */
int skep_session_map_print(struct skep_session *s, const char *map, enum skep_format format,
			   skep_write_fn write, void *ctx, struct skep_diag *diag);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
