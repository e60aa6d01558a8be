/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is attached by BPF_PROG_ATTACH and so has no link: to cgroups, to network namespaces, to
 * sockmaps. BPF_PROG_QUERY tells of links' programs too; those are left out.
 */
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "engine/kernel_objs.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEPTH   64 /* of cgroups */
#define MAX_CGROUPS (1u << 18)
#define MAX_NETNS   4096

int kobj_query(int target, u32 attach_type, struct kobj_query *ret)
{
	struct {
		u32 target, attach_type, query_flags, attach_flags;
		u64 prog_ids;
		u32 count, pad;
		u64 prog_flags, link_ids, link_flags, revision;
	} attr = {
		.target = (u32)target,
		.attach_type = attach_type,
		.prog_ids = (u64)(uintptr_t)ret->progs,
		.link_ids = (u64)(uintptr_t)ret->links,
		.count = KOBJ_MAX_QUERY,
	};
	bool with_links = attach_type == SPEC_ATTACH_TCX_INGRESS ||
			  attach_type == SPEC_ATTACH_TCX_EGRESS ||
			  attach_type == SPEC_ATTACH_NETKIT_PRIMARY ||
			  attach_type == SPEC_ATTACH_NETKIT_PEER;
	int err;

	memset(ret, 0, sizeof(*ret));
	if (!with_links)
		attr.link_ids = 0;
	err = kobj_bpf(BPF_PROG_QUERY, &attr, with_links ? sizeof(attr) : 32);
	if (err)
		return err;
	ret->nr = (u32)min_u64(attr.count, KOBJ_MAX_QUERY);
	ret->attach_flags = attr.attach_flags;
	return 0;
}

void kobj_query_drop_links(const struct kobj_world *w, struct kobj_query *q, const char *key,
			   u64 value, u32 type)
{
	u32 nr = 0;

	for (u32 i = 0; i < q->nr; i++) {
		u32 by_link = kobj_nr_links(w, q->progs[i], key, value, type), seen = 0;

		for (u32 k = 0; k < i; k++) /* which of several of that program is it? */
			seen += q->progs[k] == q->progs[i];
		if (q->progs[i] && seen >= by_link)
			q->keep[nr++] = q->progs[i];
	}
	memcpy(q->progs, q->keep, nr * sizeof(q->progs[0]));
	q->nr = nr;
}

/* --- cgroups ---------------------------------------------------------------------------------- */

typedef int (*cgroup_fn)(struct kobj_world *w, const char *path, u64 id);

static int walk(struct kobj_world *w, const char *path, u32 depth, u32 *nr, cgroup_fn fn)
{
	DIR *dir = depth < MAX_DEPTH ? opendir(path) : NULL;
	struct dirent *e;
	struct stat st;
	int err = 0;

	if (!dir)
		return 0;
	if (!fstat(dirfd(dir), &st) && ++*nr <= MAX_CGROUPS)
		err = fn(w, path, st.st_ino);
	while (!err && (e = readdir(dir))) {
		char *sub;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		sub = mem_printf("%s/%s", path, e->d_name);
		err = sub ? walk(w, sub, depth + 1, nr, fn) : -ENOMEM;
		mem_free(sub);
	}
	closedir(dir);
	return err;
}

/* Where the second hierarchy is mounted first; it may be anywhere. */
static bool find_root(char *buf, size_t size)
{
	char *text, *next, at[1024], type[32];
	size_t len;
	bool found = false;

	if (file_read("/proc/self/mounts", 0, &text, &len, NULL))
		return false;
	for (char *line = text; *line && !found; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = 0;
		if (sscanf(line, "%*s %1023s %31s", at, type) == 2 && !strcmp(type, "cgroup2")) {
			snprintf(buf, size, "%s", at);
			found = true;
		}
	}
	mem_free(text);
	return found;
}

static int each_cgroup(struct kobj_world *w, cgroup_fn fn)
{
	char root[1024];
	u32 nr = 0;

	return find_root(root, sizeof(root)) ? walk(w, root, 0, &nr, fn) : 0;
}

static int keep_path(struct kobj_world *w, const char *path, u64 id)
{
	char *copy = arena_strdup(&w->arena, path);

	return copy ? hash_put(&w->cgroups, id, copy) : -ENOMEM;
}

const char *kobj_cgroup_path(struct kobj_world *w, u64 id)
{
	if (!w->cgroups_tried) {
		w->cgroups_tried = true;
		w->tree.failed |= each_cgroup(w, keep_path) != 0;
	}
	return hash_get(&w->cgroups, id);
}

static bool is_of_cgroup(u32 type)
{
	const struct spec_name *n = spec_attach_type(type);

	return n && !strncmp(n->name, "cgroup_", 7);
}

static int scan_cgroup(struct kobj_world *w, const char *path, u64 id)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct kobj_query q;

	for (u32 type = 0; fd >= 0 && type < SPEC_NR_ATTACH_TYPES; type++) {
		if (!is_of_cgroup(type) || kobj_query(fd, type, &q))
			continue;
		kobj_query_drop_links(w, &q, "cgroup_id", id, type);
		for (u32 i = 0; i < q.nr; i++) {
			struct skep_value *o = kobj_attached(w, "cgroup", q.progs[i]);

			kobj_number(&w->tree, o, "cgroup_id", id);
			kobj_text(&w->tree, o, "cgroup", path);
			kobj_add_attach_type(w, o, type);
			if (q.attach_flags)
				kobj_text(&w->tree, o, "attach_flags",
					  q.attach_flags & BPF_F_ALLOW_MULTI ? "multi"
									     : "override");
		}
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

int kobj_scan_cgroups(struct kobj_world *w)
{
	return each_cgroup(w, scan_cgroup);
}

/* --- network namespaces ----------------------------------------------------------------------- */

static int scan_one_netns(struct kobj_world *w, int fd, u64 ino)
{
	static const u32 types[] = {SPEC_ATTACH_FLOW_DISSECTOR, SPEC_ATTACH_SK_LOOKUP};
	struct kobj_query q;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (kobj_query(fd, types[i], &q))
			continue;
		kobj_query_drop_links(w, &q, "netns_ino", ino, types[i]);
		for (u32 k = 0; k < q.nr; k++) {
			struct skep_value *o = kobj_attached(w, "netns", q.progs[k]);

			kobj_number(&w->tree, o, "netns_ino", ino);
			kobj_add_attach_type(w, o, types[i]);
		}
	}
	return 0;
}

/* Each namespace that a process lives in, once. */
int kobj_scan_netns(struct kobj_world *w)
{
	DIR *dir = opendir("/proc");
	struct hash_table seen = {0};
	struct dirent *e;
	int err = 0;

	while (!err && dir && (e = readdir(dir))) {
		char path[288];
		struct stat st;
		int fd;

		if (!isdigit((u8)e->d_name[0]) || seen.nr >= MAX_NETNS)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/net", e->d_name);
		if (stat(path, &st) || hash_get(&seen, st.st_ino))
			continue;
		err = hash_put(&seen, st.st_ino, w);
		fd = err ? -1 : open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		err = scan_one_netns(w, fd, st.st_ino);
		close(fd);
	}
	if (dir)
		closedir(dir);
	hash_done(&seen);
	return err;
}

/* --- sockmaps --------------------------------------------------------------------------------- */

static void scan_sockmap(struct kobj_world *w, int fd, u32 map_id)
{
	static const u32 types[] = {SPEC_ATTACH_SK_SKB_STREAM_PARSER,
				    SPEC_ATTACH_SK_SKB_STREAM_VERDICT, SPEC_ATTACH_SK_SKB_VERDICT,
				    SPEC_ATTACH_SK_MSG_VERDICT};
	struct kobj_query q;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (kobj_query(fd, types[i], &q))
			continue;
		kobj_query_drop_links(w, &q, "map_id", map_id, types[i]);
		for (u32 k = 0; k < q.nr; k++) {
			struct skep_value *o = kobj_attached(w, "sockmap", q.progs[k]);

			kobj_number(&w->tree, o, "map_id", map_id);
			kobj_add_attach_type(w, o, types[i]);
		}
	}
}

int kobj_scan_sockmaps(struct kobj_world *w)
{
	for (u32 id = 0; !kobj_next(SKEP_KERNEL_MAPS, id, &id);) {
		int fd = kobj_open(SKEP_KERNEL_MAPS, id);
		struct bpf_map_info info = {0};

		if (fd < 0)
			continue;
		if (!kobj_info(fd, &info, sizeof(info)) &&
		    (info.type == BPF_MAP_TYPE_SOCKMAP || info.type == BPF_MAP_TYPE_SOCKHASH))
			scan_sockmap(w, fd, id);
		close(fd);
	}
	return 0;
}
