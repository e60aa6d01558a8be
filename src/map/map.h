/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A live map: Linux' semantics, limits and errno. One file per type, each one `const struct
 * map_ops`; map.c holds the table and what is common.
 *
 * Two sides use a map. A *program* gets pointers into it (map_lookup_elem) and sees its own CPU's
 * value of a per-CPU map; it runs inside map_read_lock(). A *user* (the command line, the API)
 * gets copies with the semantics of bpf(2): all CPUs' values one after another, each rounded up to
 * 8 bytes. Any number of threads may do either at once.
 *
 * Every value that a program can get a pointer to lies in the map's memory, which is reserved in
 * one piece when the map is made and does not move (map_mem): an array of `stride`-sized elements,
 * of which [value_off, value_off + value_len) of each is the program's.
 */
#ifndef MAP_MAP_H
#define MAP_MAP_H

#include "base/diag.h"
#include <linux/bpf.h>

struct map;
struct map_ops;

#define MAP_MAX_FIELDS 16

/* Special fields in a value (or none): what the kernel calls btf_record. */
enum map_field_kind {
	MAP_FIELD_SPIN_LOCK,
	MAP_FIELD_RES_SPIN_LOCK,
	MAP_FIELD_TIMER,
	MAP_FIELD_WORKQUEUE,
	MAP_FIELD_TASK_WORK,
	MAP_FIELD_KPTR, /* also percpu and untrusted ones */
	MAP_FIELD_UPTR,
	MAP_FIELD_LIST_HEAD,
	MAP_FIELD_RB_ROOT,
	MAP_FIELD_REFCOUNT,
	MAP_FIELD_LIST_NODE, /* only of allocated objects */
	MAP_FIELD_RB_NODE,
};

struct map_field {
	enum map_field_kind kind;
	u32 off, size;
};

/* fields.c: the special fields of a type, by offset; their number, or -E2BIG: more than max.
 * nodes: of an allocated object, which may stand in lists and trees. */
struct btf;
int map_find_fields(const struct btf *btf, u32 type_id, bool nodes, struct map_field *fields,
		    u32 max);

/* What an object says of a map. Strings belong to whoever made the def; map_new copies it. */
struct map_def {
	const char *name;
	u32 type; /* enum bpf_map_type */
	u32 key_size, value_size, max_entries, flags;
	u64 extra; /* map_extra: bloom filter hashes, arena address */
	u32 numa_node;
	u32 pinning;                    /* 0, or 1: LIBBPF_PIN_BY_NAME */
	u32 key_type_id, value_type_id; /* in the object's BTF; 0: not known */
	const struct map_def *inner;    /* of array_of_maps, hash_of_maps */
	u32 nr_fields;
	struct map_field fields[MAP_MAX_FIELDS];
};

struct map_mem {
	char *base;
	size_t size;   /* bytes that can be touched */
	size_t stride; /* of an element; 0: one element of value_len */
	size_t value_off, value_len;
	bool may_write; /* by programs */
};

/* Told of a special field whose value goes away or is written over: cancel the timer, drop the
 * kptr. The field still holds what the program left in it; it is zeroed afterwards. Runs in the
 * thread that deletes, inside map_read_lock() and maybe under a bucket's lock: it must not use
 * the map. */
typedef void (*map_field_dtor)(void *ctx, struct map *map, const struct map_field *field,
			       void *addr);

struct map_deferred { /* freed when no reader is left that could see it */
	struct map_deferred *next;
	void (*fn)(struct map_deferred *node);
};

struct map_area { /* reserved address space */
	char *p;
	size_t size;
	u64 charged; /* of the memory that maps may hold */
};
#define MAP_NR_AREAS 3

struct map {
	const struct map_ops *ops;
	struct map_def def; /* max_entries as the kernel rounds it; strings are our own */
	u32 id;             /* of this process; 1, 2, … */
	u32 nr_cpus;        /* of per-CPU values */
	struct map_mem mem;
	bool frozen; /* no more writes from the user side */
	u32 refs;

	/* the map rooms' own */
	struct map_area areas[MAP_NR_AREAS];
	map_field_dtor field_dtor;
	void *field_dtor_ctx;
	struct map_def inner_def; /* def.inner points here */
	char *name;
	struct map *next_map;
	struct map_deferred deferred;
	/* each type embeds struct map first and has its own state behind it */
};

/*
 * Freed when every reader that could see it has left: fn gets the node back. map_defer_flush, not
 * inside map_read_lock(), waits and frees all that is waiting.
 */
void map_defer(struct map_deferred *node, void (*fn)(struct map_deferred *node));
void map_defer_flush(void);
void map_synchronize(void); /* waits until all who are inside map_read_lock() now have left */

/* Create and destroy. 0, or the errno that BPF_MAP_CREATE gives for the same attributes. */
int map_new(const struct map_def *def, struct map **ret, struct skep_diag *diag);
struct map *map_get(struct map *map);
void map_put(struct map *map); /* NULL is fine; the last one frees, behind all readers */
struct map *map_by_id(u32 id); /* takes a reference; NULL: no such map */

/*
 * What all maps of this process may hold together: elements that exist from the start count when
 * the map is made (-ENOMEM), others when they are first used (-ENOMEM from updates, as in Linux).
 * The default is three quarters of the machine's memory.
 */
void map_set_memory(u64 bytes); /* 0: the default */
u64 map_memory_held(void);

/* Who is told of special fields in values that go away. Before the map is used. */
void map_set_field_dtor(struct map *map, map_field_dtor fn, void *ctx);

/* bpf_spin_lock in a value: what the helpers and BPF_F_LOCK take. lock is 4 bytes. A program that
 * nobody verified may keep it: false when nobody gave it back for very long. */
bool map_spin_lock(void *lock);
void map_spin_unlock(void *lock);

bool map_type_is_storage(u32 type); /* its max_entries must be 0 */
u32 map_nr_cpus(void);              /* how many CPUs per-CPU values have: the possible CPUs */
u32 map_current_cpu(void);          /* of the running program; see map_set_cpu */
void map_set_cpu(int cpu);          /* this thread's programs see that CPU; -1: the real one */

/* RCU: values that a program got stay readable until its matching unlock. May nest. */
void map_read_lock(void);
void map_read_unlock(void);

/* The program side: what the helpers do. Pointers and errno are those of the helpers. */
void *map_lookup(struct map *map, const void *key); /* map_in_map: the inner struct map * */
void *map_lookup_percpu(struct map *map, const void *key, u32 cpu);
long map_update(struct map *map, const void *key, const void *value, u64 flags);
long map_delete(struct map *map, const void *key);
long map_push(struct map *map, const void *value, u64 flags);
long map_pop(struct map *map, void *value);
long map_peek(struct map *map, void *value);
/* Calls fn for every element until it returns non-zero; the number of calls or -errno. The key has
 * key_size readable bytes during the call only (it need not lie in map->mem). */
typedef long (*map_each_fn)(struct map *map, void *key, void *value, void *ctx);
long map_for_each(struct map *map, map_each_fn fn, void *ctx, u64 flags);

/*
 * The user side: bpf(2). value has map_user_value_size() bytes. Where the kernel takes a file
 * descriptor, a map of maps takes the id of a map; lookups give ids as in the kernel. Prog arrays
 * are filled by map_prog_set. These may wait; not inside map_read_lock().
 */
size_t map_user_value_size(const struct map *map);
int map_user_lookup(struct map *map, const void *key, void *value, u64 flags);
int map_user_update(struct map *map, const void *key, const void *value, u64 flags);
int map_user_delete(struct map *map, const void *key);
int map_user_lookup_and_delete(struct map *map, const void *key, void *value, u64 flags);
int map_user_next_key(struct map *map, const void *key, void *next); /* key NULL: the first */
int map_user_freeze(struct map *map);

/* prog_array: what a tail call jumps to. The pointer is the vm's and opaque here. */
int map_prog_set(struct map *map, u32 idx, void *prog); /* NULL takes it out; 0, -E2BIG */
int map_prog_set_id(struct map *map, u32 idx, void *prog, u32 id); /* id: for user lookups */
void *map_prog_get(struct map *map, u32 idx);

/* array_of_maps, hash_of_maps: put an inner map in (takes a reference). */
int map_inner_set(struct map *map, const void *key, struct map *inner, u64 flags);

/* ringbuf and user_ringbuf (ringbuf.c): the kernel's layout and order. */
void *ringbuf_reserve(struct map *map, u64 size, u64 flags);
void ringbuf_submit(struct map *map, void *sample, u64 flags);
void ringbuf_discard(struct map *map, void *sample, u64 flags);
long ringbuf_output(struct map *map, const void *data, u64 size, u64 flags);
u64 ringbuf_query(struct map *map, u64 flags);
struct map_stats {
	u64 produced;  /* records that a program finished (submitted, output) and that were kept */
	u64 lost;      /* reserves and outputs that found no room */
	u64 delivered; /* records that were handed to a consumer: <= produced */
	u64 discarded; /* records that the program reserved and threw away itself */
};
void map_stats(const struct map *map, struct map_stats *ret); /* ringbuf, perf_event_array */
/* An eventfd that is readable when the kernel would wake up a reader (BPF_RB_NO_WAKEUP and
 * BPF_RB_FORCE_WAKEUP included); consuming resets it. The map's own; -errno: none. */
int map_poll_fd(struct map *map); /* user_ringbuf: readable when the program has drained */
/* Hand finished records in order to fn; stops when it returns non-zero. Number of records. */
typedef int (*map_record_fn)(void *ctx, u32 cpu, const void *data, size_t size);
long ringbuf_consume(struct map *map, map_record_fn fn, void *ctx);
/* user_ringbuf: the user produces, the program drains. */
int user_ringbuf_push(struct map *map, const void *data, u32 size);
typedef long (*map_drain_fn)(void *ctx, const void *data, u32 size);
long user_ringbuf_drain(struct map *map, map_drain_fn fn, void *ctx, u64 flags);

/* perf_event_array: a bounded queue per CPU. A record is one or two pieces of bytes. */
long perf_output(struct map *map, u64 flags, u32 this_cpu, const void *data, u64 size,
		 const void *more, u64 more_size);
long perf_consume(struct map *map, map_record_fn fn, void *ctx);
int perf_set_pages(struct map *map, u32 pages); /* per CPU, before the first output; default 64 */

/* stack_trace: what bpf_get_stackid does with a stack, innermost first, from which the caller has
 * left out as many as flags & BPF_F_SKIP_FIELD_MASK say: the id, or -EEXIST, -ENOMEM. */
long stack_map_put(struct map *map, const u64 *ips, u32 nr, u64 flags);

/* task, inode, sk, cgrp storage: keyed by the address of a model object. flags: 0 or
 * BPF_LOCAL_STORAGE_GET_F_CREATE; init NULL: zeros; err may be NULL. map_for_each shows all, with
 * the owner's address as the key. */
void *storage_get(struct map *map, void *owner, const void *init, u64 flags, int *err);
long storage_delete(struct map *map, void *owner);
void storage_owner_gone(void *owner); /* drops what every map keeps for it */

/* cgroup_storage and its per-CPU kin: what bpf_get_local_storage gives for a program of that attach
 * type that is attached to that cgroup. Made when first asked for; NULL: no memory. */
void *cgroup_storage_get(struct map *map, u64 cgroup_id, u32 attach_type);

/*
 * What entries lead to, as the user set it: devmap and devmap_hash an interface's number, cpumap
 * a CPU, xskmap, sockmap, sockhash and reuseport_sockarray whatever number was put in (no
 * descriptor is looked up), cgroup_array a cgroup's id. 0 or -ENOENT.
 */
int map_target_get(struct map *map, const void *key, u64 *ret_target);
/* The same, set by a program's helper (bpf_sock_map_update and kin). */
long map_target_set(struct map *map, const void *key, u64 target, u64 flags);

#endif
