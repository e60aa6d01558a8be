/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What this process and this machine are, as far as it decides about BPF. Read once into a struct
 * of the caller's; what costs more than a system call or two is read when it is asked for.
 */
#ifndef ENGINE_KERNEL_FACTS_H
#define ENGINE_KERNEL_FACTS_H

#include "base/types.h"

/* Bits of capabilities, for headers that lack the newer ones. */
#define FACTS_CAP(nr) (1ull << (nr))
enum {
	FACTS_CAP_NET_ADMIN = 12,
	FACTS_CAP_SYS_ADMIN = 21,
	FACTS_CAP_SYS_RESOURCE = 24,
	FACTS_CAP_PERFMON = 38,
	FACTS_CAP_BPF = 39,
};

#define FACTS_VERSION(a, b) (((a) << 16) + ((b) << 8))

struct kernel_facts {
	u64 caps;         /* effective */
	u32 version;      /* FACTS_VERSION */
	char release[65]; /* as uname has it */
	char machine[65];
	int seccomp; /* 0: none, 1: strict, 2: a filter */
	bool no_new_privs;
	bool in_userns; /* not the initial user namespace: capabilities do not reach the kernel */
	int unpriv_disabled; /* sysctl kernel.unprivileged_bpf_disabled; -1: not readable */
	int perf_paranoid;   /* sysctl kernel.perf_event_paranoid; -1: not readable */
	u64 memlock;         /* RLIMIT_MEMLOCK in bytes */
	bool has_btf;
	/* read when asked for */
	bool lsm_tried, lockdown_tried, config_tried;
	char lsm[256], lockdown[32];
	char *config;
};

void kernel_facts_read(struct kernel_facts *f);
void kernel_facts_done(struct kernel_facts *f);

bool kernel_facts_can(const struct kernel_facts *f,
		      int cap); /* CAP_BPF and PERFMON also by SYS_ADMIN */
/* The security modules, "lockdown,capability,bpf"; "" where the kernel does not tell. */
const char *kernel_facts_lsm(struct kernel_facts *f);
/* "none", "integrity", "confidentiality", or "" where that is not known. */
const char *kernel_facts_lockdown(struct kernel_facts *f);
/* The value of CONFIG_name: "y", "m", …; "n": not set; "" where there is no configuration to read.
 */
const char *kernel_facts_config(struct kernel_facts *f, const char *name, char *buf, size_t size);

/* A pseudo file system's root: where it is mounted (file is in it then), else through a mount that
 * only the descriptor holds. -errno without the right to. */
int kernel_facts_open_fs(const char *type, const char *where, const char *file);

#endif
