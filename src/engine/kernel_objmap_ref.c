/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Maps whose values are programs, maps, cgroups or interfaces: bpf(2) takes a descriptor (or an
 * interface's number), a person gives an id, a path or a name.
 */
#include "engine/kernel_objmap.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_object(enum skep_kernel_kind kind, const char *text, struct skep_diag *diag)
{
	const char *noun = kobj_kinds[kind].noun;
	char *end;
	unsigned long id;
	int fd;

	if (strchr(text, '/')) {
		fd = kobj_open_path(text);
		if (fd >= 0 && kobj_fd_kind(fd) != (int)kind) {
			close(fd);
			return diag_set(diag, -EINVAL, "\"%s\" is no %s", text, noun);
		}
	} else {
		id = strtoul(text, &end, 0);
		if (end == text || *end || !id || id > UINT32_MAX)
			return diag_set(diag, -EINVAL, "'%s' is no id or pinned path of a %s", text,
					noun);
		fd = kobj_open(kind, (u32)id);
	}
	if (fd < 0)
		return diag_set(diag, fd, "there is no %s %s: %s", noun, text, strerror(-fd));
	return fd;
}

static int open_prog(const char *text, struct skep_diag *diag)
{
	return open_object(SKEP_KERNEL_PROGS, text, diag);
}

static int open_map(const char *text, struct skep_diag *diag)
{
	return open_object(SKEP_KERNEL_MAPS, text, diag);
}

static int open_cgroup(const char *text, struct skep_diag *diag)
{
	int fd = open(text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? diag_set(diag, -errno, "can't open the cgroup \"%s\": %s", text,
				 strerror(errno))
		      : fd;
}

static int no_socket(const char *text, struct skep_diag *diag)
{
	return diag_set(diag, -EOPNOTSUPP,
			"its values are sockets or events, which only who holds them can put in");
}

static const struct ref {
	u32 type;
	int (*open)(const char *text, struct skep_diag *diag); /* NULL: an interface's number */
} refs[] = {
	{BPF_MAP_TYPE_PROG_ARRAY, open_prog},
	{BPF_MAP_TYPE_ARRAY_OF_MAPS, open_map},
	{BPF_MAP_TYPE_HASH_OF_MAPS, open_map},
	{BPF_MAP_TYPE_CGROUP_ARRAY, open_cgroup},
	{BPF_MAP_TYPE_DEVMAP, NULL},
	{BPF_MAP_TYPE_DEVMAP_HASH, NULL},
	{BPF_MAP_TYPE_PERF_EVENT_ARRAY, no_socket},
	{BPF_MAP_TYPE_XSKMAP, no_socket},
	{BPF_MAP_TYPE_SOCKMAP, no_socket},
	{BPF_MAP_TYPE_SOCKHASH, no_socket},
	{BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, no_socket},
};

static const struct ref *ref_of(const struct objmap *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(refs); i++)
		if (refs[i].type == m->info.type)
			return &refs[i];
	return NULL;
}

bool objmap_has_refs(const struct objmap *m)
{
	return ref_of(m);
}

/* "eth0", 3, or by BTF {"ifindex": 3, …} */
static int interface(struct objmap *m, const char *text, struct skep_diag *diag)
{
	u32 ifindex;

	if (*text == '{' || *text == '[')
		return event_map_elems_value(m->elems, text, m->value, diag);
	ifindex = isdigit((u8)*text) ? (u32)strtoul(text, NULL, 0) : if_nametoindex(text);
	if (!ifindex)
		return diag_set(diag, -ENODEV, "there is no interface \"%s\"", text);
	memcpy(m->value, &ifindex, min_u64(sizeof(ifindex), m->info.value_size));
	return 0;
}

int objmap_ref(struct objmap *m, const char *text, int *ret_fd, struct skep_diag *diag)
{
	const struct ref *r = ref_of(m);
	size_t len = strlen(text);
	char *bare = NULL;
	int fd;

	if (len > 1 && *text == '"' && text[len - 1] == '"') { /* out of JSON */
		bare = arena_strndup(&m->world.arena, text + 1, len - 2);
		if (!bare)
			return diag_nomem(diag);
		text = bare;
	}
	memset(m->value, 0, m->value_size);
	if (!r->open)
		return interface(m, text, diag);
	fd = r->open(text, diag);
	if (fd < 0)
		return fd;
	memcpy(m->value, &fd, min_u64(sizeof(fd), m->info.value_size));
	*ret_fd = fd;
	return 0;
}
