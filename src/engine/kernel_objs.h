/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is in the kernel: every object becomes a tree of named values (<skep/kernel.h>), made by one
 * file per kind. kernel_objs_list is the list of steps; a world holds what is read once for all of
 * them: who holds what, what is pinned where, what is attached without a link.
 *
 * What the kernel says is not trusted to be newer or older than we are: a struct that it fills only
 * up to some field leaves zeros behind, and no zero is shown where it would mean "not known".
 */
#ifndef ENGINE_KERNEL_OBJS_H
#define ENGINE_KERNEL_OBJS_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/hash.h"
#include "base/vec.h"
#include "spec/spec.h"
#include <bpf/btf.h>
#include <skep/kernel.h>

/* --- kernel_objs_sys.c: bpf(2), and a table of what differs between the kinds ------------------
 */

#define KOBJ_NR_KINDS (SKEP_KERNEL_BTF + 1)

struct kobj_kind {
	const char *noun; /* "program" */
	const char *link; /* what /proc/PID/fd/N points to */
	const char *key;  /* of the id in fdinfo */
	int next_cmd, open_cmd;
};
extern const struct kobj_kind kobj_kinds[KOBJ_NR_KINDS];

/* 0 or more; -errno. */
int kobj_bpf(int cmd, void *attr, size_t size);
/* The next id after id; -ENOENT: there is none. */
int kobj_next(enum skep_kernel_kind kind, u32 id, u32 *ret);
int kobj_open(enum skep_kernel_kind kind, u32 id); /* an fd or -errno */
int kobj_open_path(const char *path);              /* a pinned object; an fd or -errno */
bool kobj_is_kind(const char *link, int kind);     /* what /proc/PID/fd/N points to */
/* Which kind an fd is of; -1: none. */
int kobj_fd_kind(int fd);
/* size bytes of the kernel's info; what it does not know stays zero. */
int kobj_info(int fd, void *info, u32 size);
/* A number in /proc/self/fdinfo/FD. */
bool kobj_fdinfo(int fd, const char *key, u64 *ret);
/* Why bpf(2) said no, where that is common to all objects. */
int kobj_refused(int err, struct skep_diag *diag);

/* The BTF of an id, checked; the caller frees with types_close. base: of split BTF, or NULL. */
int kobj_btf(u32 id, struct btf *base, struct btf **ret, struct skep_diag *diag);

/* --- kernel_objs_tree.c: building trees ------------------------------------------------------- */

struct kobj_tree {
	struct arena *arena;
	bool failed; /* out of memory: something is missing */
};

/* Each gives the new kid, valid until the next one is added to the same parent. Strings are copied.
 * name is not. */
struct skep_value *kobj_add(struct kobj_tree *t, struct skep_value *parent, const char *name,
			    enum skep_value_kind kind);
void kobj_number(struct kobj_tree *t, struct skep_value *o, const char *name, u64 x);
void kobj_signed(struct kobj_tree *t, struct skep_value *o, const char *name, s64 x);
void kobj_bool(struct kobj_tree *t, struct skep_value *o, const char *name, bool x);
void kobj_text(struct kobj_tree *t, struct skep_value *o, const char *name, const char *text);
/* NULL: out of memory; "": no name, nothing is added. */
void kobj_name(struct kobj_tree *t, struct skep_value *o, const char *name, const char *text);
void kobj_printf(struct kobj_tree *t, struct skep_value *o, const char *name, const char *fmt, ...)
	__printf(4, 5);
void kobj_numbers(struct kobj_tree *t, struct skep_value *o, const char *name, const u32 *x,
		  u32 nr);
/* Copy all members of from into o. */
void kobj_copy(struct kobj_tree *t, struct skep_value *o, const struct skep_value *from);

/* --- the world -------------------------------------------------------------------------------- */

struct kobj_holder { /* kernel_objs_pids.c */
	enum skep_kernel_kind kind;
	u32 id, pid;
	char comm[16];
};

struct kobj_pin { /* kernel_objs_pins.c */
	enum skep_kernel_kind kind;
	u32 id;
	const char *path;
};

struct kobj_sym {
	u64 addr;
	const char *name;
};

struct kobj_items {
	struct skep_value *data;
	size_t nr, room;
};

struct kobj_world {
	struct kobj_tree tree;
	struct arena arena;
	VEC(struct kobj_holder) holders;
	VEC(struct kobj_pin) pins;
	struct kobj_items attached; /* links and attachments without one */
	bool has_attached;
	struct btf *vmlinux; /* opened when first needed */
	bool vmlinux_tried;
	VEC(struct kobj_sym) syms; /* sorted by address; read when first needed */
	bool syms_tried;
	struct hash_table cgroups; /* paths by id; read when first needed */
	bool cgroups_tried;
	double boot_time; /* when CLOCK_BOOTTIME was 0, in seconds */
};

void kobj_world_init(struct kobj_world *w);
void kobj_world_done(struct kobj_world *w);
struct btf *kobj_vmlinux(struct kobj_world *w); /* NULL: not known */

int kobj_scan_pids(struct kobj_world *w);
int kobj_scan_pins(struct kobj_world *w);
/* Everything attached, as trees with "prog_id"; once. */
int kobj_scan_attached(struct kobj_world *w);
/* "pinned" and "pids" of an object. */
void kobj_add_pins(struct kobj_world *w, struct skep_value *o, enum skep_kernel_kind kind, u32 id);
void kobj_add_pids(struct kobj_world *w, struct skep_value *o, enum skep_kernel_kind kind, u32 id);

/* --- one file per kind: describe the object behind fd; -errno: it is left out ------------------
 */

int kobj_describe_prog(struct kobj_world *w, int fd, struct skep_value *o);
int kobj_describe_map(struct kobj_world *w, int fd, struct skep_value *o);
int kobj_describe_link(struct kobj_world *w, int fd, struct skep_value *o);
int kobj_describe_btf(struct kobj_world *w, int fd, struct skep_value *o);

/* The function of the kernel, of a module or of a program that a tracing program is for. */
void kobj_add_target(struct kobj_world *w, struct skep_value *o, const struct bpf_prog_info *info);
/* kernel_objs_syms.c: the kernel's function that begins at that address, or holds it; NULL. */
const char *kobj_kernel_symbol(struct kobj_world *w, u64 addr);
u64 kobj_kernel_address(struct kobj_world *w, const char *name); /* 0: not known */
const char *kobj_kernel_symbol_near(struct kobj_world *w, u64 addr, u64 *ret_off);

/* The whole name where the kernel cut it, else what it says; in the world's arena. */
const char *kobj_prog_name(struct kobj_world *w, int fd, const struct bpf_prog_info *info);
const char *kobj_map_name(struct kobj_world *w, const struct bpf_map_info *info);

/* kernel_objs_net.c, kernel_objs_cgroup.c: what is attached without a link. */
int kobj_scan_net(struct kobj_world *w);
int kobj_scan_cgroups(struct kobj_world *w);
int kobj_scan_netns(struct kobj_world *w);
int kobj_scan_sockmaps(struct kobj_world *w);
int kobj_scan_perf(struct kobj_world *w);
/* How often links attach that program there; type: SPEC_ATTACH_*, or any. */
#define KOBJ_ANY_TYPE UINT32_MAX
u32 kobj_nr_links(const struct kobj_world *w, u32 prog_id, const char *key, u64 value, u32 type);
/* "/sys/fs/cgroup/a/b" of a cgroup's id, or NULL; in the world's arena. */
const char *kobj_cgroup_path(struct kobj_world *w, u64 id);
void kobj_add_iface(struct kobj_world *w, struct skep_value *o, u32 ifindex);
void kobj_add_attach_type(struct kobj_world *w, struct skep_value *o, u32 type);
/* BPF_PROG_QUERY; target: an fd, or an interface's number. */
#define KOBJ_MAX_QUERY 64 /* programs at one place: the kernel's own limit */
struct kobj_query {
	u32 progs[KOBJ_MAX_QUERY],
		links[KOBJ_MAX_QUERY]; /* links: of tcx and netkit only; 0: none */
	u32 nr, attach_flags;
	u32 keep[KOBJ_MAX_QUERY]; /* scratch */
};
int kobj_query(int target, u32 attach_type, struct kobj_query *ret);
/* Leave out what links attach at the place that is called key=value. */
void kobj_query_drop_links(const struct kobj_world *w, struct kobj_query *q, const char *key,
			   u64 value, u32 type);
/* A new attachment of that kind. */
struct skep_value *kobj_attached(struct kobj_world *w, const char *type, u32 prog_id);

/* --- kernel_objs.c: the list of steps --------------------------------------------------------- */

struct kobj_list {
	struct kobj_world world;
	struct kobj_items items;
};

int kobj_list_new(enum skep_kernel_kind kind, const struct skep_kernel_filter *filter,
		  struct kobj_list **ret, struct skep_diag *diag);
void kobj_list_free(struct kobj_list *list); /* NULL is fine */

const struct skep_value *kobj_get(const struct skep_value *o, const char *name);

#endif
