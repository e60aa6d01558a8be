/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "model/ns.h"
#include "base/hash.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

struct model_nses {
	struct model *m;
	struct hash_table by_inum; /* the inode number is unique among all kinds */
};

struct ns_kind {
	const char *name; /* in /proc/PID/ns */
	const char *type;
	const char *field; /* of nsproxy; NULL: it is not there */
};

static const struct ns_kind kinds[] = {
	{"mnt", "mnt_namespace", "mnt_ns"},
	{"uts", "uts_namespace", "uts_ns"},
	{"ipc", "ipc_namespace", "ipc_ns"},
	{"net", "net", "net_ns"},
	{"cgroup", "cgroup_namespace", "cgroup_ns"},
	{"time", "time_namespace", "time_ns"},
	{"pid_for_children", "pid_namespace", "pid_ns_for_children"},
	{"pid", "pid_namespace", NULL},
	{"user", "user_namespace", NULL},
};

static void fill_uts(struct model *m, void *ns)
{
	struct utsname u;

	if (uname(&u))
		return;
	model_set_bytes(m, ns, "uts_namespace", "name.sysname", u.sysname, sizeof(u.sysname));
	model_set_bytes(m, ns, "uts_namespace", "name.nodename", u.nodename, sizeof(u.nodename));
	model_set_bytes(m, ns, "uts_namespace", "name.release", u.release, sizeof(u.release));
	model_set_bytes(m, ns, "uts_namespace", "name.version", u.version, sizeof(u.version));
	model_set_bytes(m, ns, "uts_namespace", "name.machine", u.machine, sizeof(u.machine));
}

/* "mnt:[4026531840]" */
static u32 inum_of(u32 pid, const char *name)
{
	char path[64], text[64];
	const char *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/ns/%s", pid, name);
	n = readlink(path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	at = strchr(text, '[');
	return at ? strtoul(at + 1, NULL, 10) : 0;
}

static void *get(struct model_nses *n, const struct ns_kind *k, u32 pid)
{
	u32 inum = inum_of(pid, k->name);
	void *ns = inum ? hash_get(&n->by_inum, inum) : NULL;

	if (ns || !inum)
		return ns;
	ns = model_alloc(n->m, k->type);
	if (!ns)
		return NULL;
	model_set(n->m, ns, k->type, "ns.inum", inum);
	if (!strcmp(k->name, "uts"))
		fill_uts(n->m, ns);
	hash_put(&n->by_inum, inum, ns);
	return ns;
}

void model_nsproxy_fill(struct model_nses *n, void *nsproxy, u32 pid)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].field)
			model_set(n->m, nsproxy, "nsproxy", kinds[i].field,
				  (uintptr_t)get(n, &kinds[i], pid));
}

void *model_ns_get(struct model_nses *n, u32 pid, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return get(n, &kinds[i], pid);
	return NULL;
}

struct model_nses *model_nses_new(struct model *m)
{
	struct model_nses *n = mem_zalloc(sizeof(*n));

	if (n)
		n->m = m;
	return n;
}

struct model_nses *model_nses_free(struct model_nses *n)
{
	if (!n)
		return NULL;
	hash_done(&n->by_inum);
	mem_free(n);
	return NULL;
}
