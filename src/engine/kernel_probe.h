/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What Linux lets us do, found out by doing it: a row loads the smallest program (or creates the
 * smallest map) of its kind and attaches it where that does no harm. Tables of versions and of the
 * kernel's configuration only explain a no; they never are the answer.
 *
 *     kernel_probe_row → 0 or -errno, with the verifier's words → kernel_probe_why → why, what to
 * do
 */
#ifndef ENGINE_KERNEL_PROBE_H
#define ENGINE_KERNEL_PROBE_H

#include "engine/kernel_facts.h"
#include <bpf/btf.h>
#include <linux/bpf.h>

enum kernel_cap_set { /* what a row needs */
		      NEEDS_NOTHING = 0,
		      NEEDS_BPF = 1,
		      NEEDS_PERF = 2,
		      NEEDS_NET = 4,
		      NEEDS_ADMIN = 8,
};

struct kernel_try;

struct kernel_row {
	const char *group; /* "program", "map", "attach", "feature" */
	const char *name;
	int (*probe)(struct kernel_try *t); /* 0 or -errno */
	u32 type;                           /* of the program, the map; or the number of a helper */
	u32 attach;                         /* expected attach type */
	const char *at;                     /* where: a function, an event, another row's word */
	u32 needs;                          /* kernel_cap_set */
	const char *config; /* CONFIG_A,CONFIG_B: what the kernel has to be built with */
	u32 since;          /* FACTS_VERSION */
	const char *what;   /* it, in a few words */
};

/* One row being tried. log is what the verifier said, "" if it was not asked. */
struct kernel_try {
	const struct kernel_row *row;
	const struct btf *btf; /* of the running kernel; NULL: there is none */
	const char *cgroup;    /* the cgroup2 directory that we are in; NULL: none */
	bool in_netns;         /* the network namespace is our own: attach what you like to lo */
	bool attaching;        /* the program is loaded; what failed is the attaching */
	const char *missing;   /* something that is no errno: "tracefs is not mounted" */
	char log[4096];
};

enum kernel_cause {
	CAUSE_NONE,
	CAUSE_CAPABILITY,
	CAUSE_NAMESPACE,
	CAUSE_SYSCTL,
	CAUSE_SECCOMP,
	CAUSE_LSM,
	CAUSE_LOCKDOWN,
	CAUSE_CONFIG,
	CAUSE_VERSION,
	CAUSE_MEMLOCK,
	CAUSE_MOUNT,
	CAUSE_BTF,
	CAUSE_HARDWARE,
	CAUSE_OTHER,
};
const char *kernel_cause_name(enum kernel_cause cause);

struct kernel_why {
	enum kernel_cause cause;
	char why[256], todo[256];
};

/* The capabilities of a kernel_cap_set that are missing, "CAP_BPF, CAP_PERFMON"; false: none is. */
bool kernel_why_missing_caps(const struct kernel_facts *f, u32 needs, char *buf, size_t size);

const struct kernel_row *kernel_probe_rows(void); /* ends with name NULL */
const struct kernel_row *kernel_probe_find(const char *group, const char *name);
int kernel_probe_row(const struct kernel_row *row, struct kernel_try *t);
void kernel_probe_why(const struct kernel_try *t, struct kernel_facts *f, int err,
		      struct kernel_why *ret);

/* For the probes. */
int kernel_probe_bpf(int cmd, void *attr, size_t size); /* a descriptor, 0, or -errno */
int kernel_probe_load(struct kernel_try *t, u32 flags, u32 btf_id, const struct bpf_insn *insns,
		      u32 nr);
int kernel_probe_load_return(struct kernel_try *t, u32 flags, u32 btf_id, int ret);
int kernel_probe_func(const struct kernel_try *t, const char *name); /* its BTF id, or -errno */

int kernel_probe_own_btf(void); /* a descriptor: int [1], struct xdp_md [2], its f [5] */
int kernel_probe_map(u32 type); /* a descriptor */

int kernel_probe_do_prog(struct kernel_try *t);
int kernel_probe_do_prog_btf(struct kernel_try *t);
int kernel_probe_do_map(struct kernel_try *t);
int kernel_probe_do_map_inner(struct kernel_try *t);
int kernel_probe_do_map_storage(struct kernel_try *t);
int kernel_probe_do_struct_ops(struct kernel_try *t);
int kernel_probe_do_kprobe(struct kernel_try *t);
int kernel_probe_do_uprobe(struct kernel_try *t);
int kernel_probe_do_tracepoint(struct kernel_try *t);
int kernel_probe_do_raw_tp(struct kernel_try *t);
int kernel_probe_do_trampoline(struct kernel_try *t);
int kernel_probe_do_freplace(struct kernel_try *t);
int kernel_probe_do_iter(struct kernel_try *t);
int kernel_probe_do_perf_event(struct kernel_try *t);
int kernel_probe_do_multi(struct kernel_try *t);
int kernel_probe_do_uprobe_multi(struct kernel_try *t);
int kernel_probe_do_xdp(struct kernel_try *t);
int kernel_probe_do_tcx(struct kernel_try *t);
int kernel_probe_do_netkit(struct kernel_try *t);
int kernel_probe_do_cgroup(struct kernel_try *t);
int kernel_probe_do_netns(struct kernel_try *t);
int kernel_probe_do_netfilter(struct kernel_try *t);
int kernel_probe_do_sockmap(struct kernel_try *t);
int kernel_probe_do_socket(struct kernel_try *t);
int kernel_probe_do_helper(struct kernel_try *t);
int kernel_probe_do_insn(struct kernel_try *t);
int kernel_probe_do_test_run(struct kernel_try *t);
int kernel_probe_do_btf(struct kernel_try *t);
int kernel_probe_do_kfunc(struct kernel_try *t);
int kernel_probe_do_token(struct kernel_try *t);
int kernel_probe_do_signature(struct kernel_try *t);
int kernel_probe_do_stats(struct kernel_try *t);
int kernel_probe_do_batch(struct kernel_try *t);
int kernel_probe_do_bpffs(struct kernel_try *t);
int kernel_probe_do_sleepable(struct kernel_try *t);
int kernel_probe_do_printk(struct kernel_try *t);

#endif
