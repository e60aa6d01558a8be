/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where packets go: what passes to the named file, what is redirected to one file per target beside
 * it. out.pcap gets out.redirect-TARGET.pcap; TARGET is the interface's number, or the map's key
 * where the redirect went through a map. Two targets that would share a name are told apart by the
 * map's name in front. Redirect files are made when the first packet needs them; as few descriptors
 * as a process has stay open, the one that was used longest ago is closed and continued later.
 */
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "hook/pcap.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_TARGETS 65536 /* files; a program may name 2^32 */
#define MAX_OPEN    64

struct target {
	const struct map *map; /* NULL: an interface */
	u64 id;
	bool all;
	char *path;
	struct pcap_writer *writer; /* NULL: closed for now */
	u64 nr, used;
};

struct pcap_out {
	const char *path;
	u32 snaplen;
	bool micro, told_many;
	struct pcap_writer *pass;
	VEC(struct target *) targets;
	struct hash_table by_id, by_path; /* by what they are, by their file's name: hashes */
	u32 nr_open;
	u64 clock;
};

static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return !stat(a, &sa) && !stat(b, &sb) && S_ISREG(sa.st_mode) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

int pcap_out_new(const char *path, const char *in_path, u32 snaplen, bool micro,
		 struct pcap_out **ret, struct skep_diag *diag)
{
	struct pcap_out *out;
	int err;

	if (in_path && same_file(path, in_path))
		return diag_set(diag, -EINVAL, "%s: input and output are the same file", path);
	out = mem_zalloc(sizeof(*out));
	if (!out)
		return diag_nomem(diag);
	out->path = path;
	out->snaplen = snaplen;
	out->micro = micro;
	err = pcap_writer_open(path, snaplen, micro, &out->pass, diag);
	if (err) {
		mem_free(out);
		return err;
	}
	*ret = out;
	return 0;
}

int pcap_out_pass(struct pcap_out *out, const struct pcap_frame *frame)
{
	return pcap_writer_add(out->pass, frame);
}

/* --- targets -------------------------------------------------------------------------------- */

static char *name_target(const struct pcap_out *out, const struct target *t, bool with_map)
{
	const char *dot = strrchr(out->path, '.'), *slash = strrchr(out->path, '/');
	int stem = dot && (!slash || dot > slash) ? dot - out->path : (int)strlen(out->path);
	const char *map = with_map && t->map ? t->map->def.name : "";
	const char *dash = *map ? "-" : "";

	if (t->all)
		return mem_printf("%.*s.redirect-%s%sall%s", stem, out->path, map, dash,
				  out->path + stem);
	return mem_printf("%.*s.redirect-%s%s%llu%s", stem, out->path, map, dash,
			  (unsigned long long)t->id, out->path + stem);
}

static u64 hash_of_path(const char *path)
{
	return hash_bytes(path, strlen(path), 0);
}

/* A hash that two names share makes the second longer than it need be. */
static bool name_taken(const struct pcap_out *out, const char *path)
{
	return hash_get(&out->by_path, hash_of_path(path));
}

static u64 hash_of(const struct target *t)
{
	return hash_u64((uintptr_t)t->map ^ hash_u64(t->id * 2 + t->all));
}

static struct target *find_target(struct pcap_out *out, const struct target *want)
{
	struct target *t = hash_get(&out->by_id, hash_of(want));

	if (!t || (t->map == want->map && t->id == want->id && t->all == want->all))
		return t;
	for (size_t i = 0; i < out->targets.nr; i++) { /* two of one hash */
		t = out->targets.data[i];
		if (t->map == want->map && t->id == want->id && t->all == want->all)
			return t;
	}
	return NULL;
}

/* Room for one more file. */
static int close_oldest(struct pcap_out *out)
{
	struct target *oldest = NULL;
	int err;

	if (out->nr_open < MAX_OPEN)
		return 0;
	for (size_t i = 0; i < out->targets.nr; i++) {
		struct target *t = out->targets.data[i];

		if (t->writer && (!oldest || t->used < oldest->used))
			oldest = t;
	}
	err = pcap_writer_close(oldest->writer, NULL);
	oldest->writer = NULL;
	out->nr_open--;
	return err;
}

static int open_file(struct pcap_out *out, struct target *t, bool again)
{
	struct skep_diag diag = {0};
	int err = close_oldest(out);

	if (!err)
		err = again ? pcap_writer_reopen(t->path, out->micro, &t->writer, &diag)
			    : pcap_writer_open(t->path, out->snaplen, out->micro, &t->writer,
					       &diag);
	if (err)
		log_warn("%s: %s", t->path, diag.message);
	else
		out->nr_open++;
	return err;
}

static void target_free(struct target *t)
{
	if (t)
		mem_free(t->path);
	mem_free(t);
}

static struct target *new_target(struct pcap_out *out, const struct target *want)
{
	struct target *t = mem_zalloc(sizeof(*t)), **slot;

	if (!t)
		return NULL;
	*t = *want;
	t->path = name_target(out, t, false);
	if (t->path && name_taken(out, t->path)) {
		mem_free(t->path);
		t->path = name_target(out, t, true);
	}
	slot = t->path ? VEC_PUSH(&out->targets) : NULL;
	if (slot)
		*slot = t;
	if (slot && !hash_put(&out->by_path, hash_of_path(t->path), t) &&
	    (hash_get(&out->by_id, hash_of(t)) || !hash_put(&out->by_id, hash_of(t), t)))
		return t;
	out->targets.nr -= slot != NULL;
	target_free(t);
	return NULL;
}

int pcap_out_redirect(struct pcap_out *out, const struct pcap_frame *frame,
		      const struct vm_redirect *to)
{
	bool by_map = to->kind == VM_REDIRECT_MAP || to->kind == VM_REDIRECT_MAP_ALL;
	struct target want = {
		.map = by_map ? to->map : NULL,
		.id = by_map ? to->key : to->target,
		.all = to->kind == VM_REDIRECT_MAP_ALL,
	};
	struct target *t;
	bool again;
	int err;

	if (want.all)
		want.id = 0;
	t = find_target(out, &want);
	if (!t && out->targets.nr >= MAX_TARGETS) {
		if (!out->told_many)
			log_warn("more than %d redirect targets: the others get no file",
				 MAX_TARGETS);
		out->told_many = true;
		return 0;
	}
	again = t;
	t = t ? t : new_target(out, &want);
	if (!t)
		return -ENOMEM;
	err = t->writer ? 0 : open_file(out, t, again);
	if (err)
		return err;
	t->nr++;
	t->used = ++out->clock;
	return pcap_writer_add(t->writer, frame);
}

int pcap_out_close(struct pcap_out *out, struct skep_diag *diag)
{
	int err;

	if (!out)
		return 0;
	err = pcap_writer_close(out->pass, diag);
	for (size_t i = 0; i < out->targets.nr; i++) {
		struct target *t = out->targets.data[i];
		int e = pcap_writer_close(t->writer, diag);

		if (!err)
			err = e;
		log_info("%s: %llu packets redirected", t->path, (unsigned long long)t->nr);
		target_free(t);
	}
	VEC_DONE(&out->targets);
	hash_done(&out->by_id);
	hash_done(&out->by_path);
	mem_free(out);
	return err;
}
