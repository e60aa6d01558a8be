/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where packets go: what passes to the named file, what is redirected to one file per target beside
 * it. out.pcap gets out.redirect-TARGET.pcap; TARGET is the interface's number, or the map's key
 * where the redirect went through a map. Two targets that would share a name are told apart by the
 * map's name in front. Redirect files are made when the first packet needs them.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "hook/pcap.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_TARGETS 256 /* open files */

struct target {
	const struct map *map; /* NULL: an interface */
	u64 id;
	bool all;
	char *path;
	struct pcap_writer *writer;
	u64 nr;
};

struct pcap_out {
	const char *path;
	u32 snaplen;
	bool micro, told_many;
	struct pcap_writer *pass;
	VEC(struct target) targets;
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

static bool name_taken(const struct pcap_out *out, const char *path)
{
	for (size_t i = 0; i < out->targets.nr; i++)
		if (out->targets.data[i].path && !strcmp(out->targets.data[i].path, path))
			return true;
	return false;
}

static struct target *find_target(struct pcap_out *out, const struct target *want)
{
	for (size_t i = 0; i < out->targets.nr; i++) {
		struct target *t = &out->targets.data[i];

		if (t->map == want->map && t->id == want->id && t->all == want->all)
			return t;
	}
	return NULL;
}

static int open_target(struct pcap_out *out, struct target *t)
{
	char *path = name_target(out, t, false);
	struct skep_diag diag = {0};
	struct target *slot;
	int err;

	if (path && name_taken(out, path)) {
		mem_free(path);
		path = name_target(out, t, true);
	}
	slot = path ? VEC_PUSH(&out->targets) : NULL;
	if (!slot) {
		mem_free(path);
		return -ENOMEM;
	}
	t->path = path;
	err = pcap_writer_open(path, out->snaplen, out->micro, &t->writer, &diag);
	if (err)
		log_warn("%s: %s", path, diag.message);
	*slot = *t;
	return err;
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
	err = t ? 0 : open_target(out, &want);
	if (err)
		return err;
	t = find_target(out, &want);
	t->nr++;
	return t->writer ? pcap_writer_add(t->writer, frame) : -EIO;
}

int pcap_out_close(struct pcap_out *out, struct skep_diag *diag)
{
	int err;

	if (!out)
		return 0;
	err = pcap_writer_close(out->pass, diag);
	for (size_t i = 0; i < out->targets.nr; i++) {
		struct target *t = &out->targets.data[i];
		int e = pcap_writer_close(t->writer, diag);

		if (!err)
			err = e;
		log_info("%s: %llu packets redirected", t->path, (unsigned long long)t->nr);
		mem_free(t->path);
	}
	VEC_DONE(&out->targets);
	mem_free(out);
	return err;
}
