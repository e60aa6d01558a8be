/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Inside the map rooms: what a type is, and what types share. One `const struct map_ops` per
 * type; what a type leaves NULL is answered by map.c as the kernel does.
 *
 * Rules that keep concurrent use correct:
 *  - Memory of elements and values never moves and is never unmapped while the map lives, so a
 *    pointer that a program holds stays readable. Elements may be used again at once, as in the
 *    kernel's preallocated maps.
 *  - Bytes that threads share are read and written by the relaxed atomic word copies below.
 *  - What readers reach by pointer and what is really freed (inner maps, trie nodes) goes through
 *    map_defer and is freed when every reader that could see it has left.
 */
#ifndef MAP_IMPL_H
#define MAP_IMPL_H

#include "base/mem.h"
#include "map/map.h"
#include "spec/uapi.h"
#include <errno.h>
#include <string.h>

#define ENOTSUPP 524 /* the kernel's own, and bpf(2) lets it out */

/* Limits of the kernel on x86-64 that map creation answers with. */
#define MAP_MAX_KMALLOC     (4u << 20)  /* key + value of a hash element */
#define MAP_MAX_PERCPU      (32u << 10) /* value of a per-CPU map */
#define MAP_MAX_STACK_DEPTH 127

#define MAP_MAX_AREA (1ull << 40) /* address space for the elements of one map */
u64 map_max_area(void);           /* the same, and no more than the machine's memory */

#define FLAGS_ACCESS (BPF_F_RDONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY | BPF_F_WRONLY_PROG)

enum {
	MAP_T_PERCPU = 1,      /* user values are one per CPU */
	MAP_T_FD = 2,          /* user values are 4 bytes: a descriptor in, an id out */
	MAP_T_NO_KEY = 4,      /* queue, stack, bloom: keys are NULL */
	MAP_T_LOCK = 8,        /* values may have a bpf_spin_lock */
	MAP_T_TIMER = 16,      /* … a bpf_timer or bpf_wq */
	MAP_T_KPTR = 32,       /* … kptrs and refcounts */
	MAP_T_ROOTS = 64,      /* … list heads and rbtree roots */
	MAP_T_UPTR = 128,      /* … uptrs */
	MAP_T_TASK_WORK = 256, /* … bpf_task_work */
	MAP_T_NOT_INNER = 512, /* cannot be an inner map */
	MAP_T_STORAGE = 1024,  /* keyed by an owner that may go */
};

struct map_ops {
	const char *name;
	size_t size; /* of the type's struct, which begins with struct map */
	u32 flags;   /* MAP_T_* */
	/* May the kernel make this? 0 or its errno, with a reason in diag. */
	int (*check)(const struct map_def *def, struct skep_diag *diag);
	int (*init)(struct map *map, struct skep_diag *diag);
	void (*done)(struct map *map); /* also of a map whose init failed half way */

	void *(*lookup)(struct map *map, const void *key);
	void *(*lookup_percpu)(struct map *map, const void *key, u32 cpu);
	long (*update)(struct map *map, const void *key, const void *value, u64 flags);
	long (*remove)(struct map *map, const void *key);
	long (*push)(struct map *map, const void *value, u64 flags);
	long (*pop)(struct map *map, void *value);
	long (*peek)(struct map *map, void *value);
	long (*for_each)(struct map *map, map_each_fn fn, void *ctx);

	/* NULL: the program's side, with copies */
	void *(*user_find)(struct map *map, const void *key);
	int (*user_lookup)(struct map *map, const void *key, void *value, u64 flags);
	int (*user_update)(struct map *map, const void *key, const void *value, u64 flags);
	int (*user_remove)(struct map *map, const void *key);
	int (*user_take)(struct map *map, const void *key, void *value, u64 flags);
	int (*next_key)(struct map *map, const void *key, void *next);
	void (*stats)(const struct map *map, struct map_stats *ret);
	int (*poll_fd)(struct map *map);
	int (*target)(struct map *map, const void *key, u64 *ret);
	long (*target_set)(struct map *map, const void *key, u64 target, u64 flags);
};

extern const struct map_ops map_array_ops, map_percpu_array_ops, map_hash_ops, map_percpu_hash_ops,
	map_lru_hash_ops, map_lru_percpu_hash_ops, map_prog_array_ops, map_perf_ops,
	map_ringbuf_ops, map_user_ringbuf_ops, map_queue_ops, map_stack_ops, map_bloom_ops,
	map_lpm_ops, map_array_of_maps_ops, map_hash_of_maps_ops, map_stack_trace_ops,
	map_cgroup_array_ops, map_devmap_ops, map_cpumap_ops, map_xskmap_ops, map_sockmap_ops,
	map_reuseport_ops, map_devmap_hash_ops, map_sockhash_ops, map_sk_storage_ops,
	map_task_storage_ops, map_inode_storage_ops, map_cgrp_storage_ops, map_cgroup_storage_ops,
	map_percpu_cgroup_storage_ops, map_struct_ops_ops, map_arena_ops;

/* --- creation -------------------------------------------------------------------------------- */

/* Zeroed address space that costs memory only where it is touched; freed with the map. */
char *map_reserve(struct map *map, u32 area, u64 nr, u64 size);
/* The same, where what is used is charged later. */
char *map_reserve_lazy(struct map *map, u32 area, u64 nr, u64 size);
bool map_charge(struct map_area *area, u64 bytes); /* false: maps hold as much as they may */
void map_uncharge(struct map_area *area, u64 bytes);
void map_each_live(void (*fn)(struct map *map, void *ctx), void *ctx);
void map_unreserve(struct map_area *area);
size_t map_reserved(void); /* bytes of address space that all maps hold now */

#define refuse(diag, err, ...) diag_set(diag, err, __VA_ARGS__)
/* Check an inner map's definition, and whether a map has that shape. */
int map_check_inner(const struct map_def *inner, struct skep_diag *diag);
bool map_is_like(const struct map_def *inner, const struct map *map);
int map_check_flags(const struct map_def *def, u32 allowed, struct skep_diag *diag);
int map_check_percpu(const struct map_def *def, struct skep_diag *diag);

/* Arrays, also of descriptors: sizes and flags, then the index in a key, then the next key. */
int map_array_check(const struct map_def *def, struct skep_diag *diag);
int map_fd_array_check(const struct map_def *def, struct skep_diag *diag);
int map_array_next_key(struct map *map, const void *key, void *next);
void *map_no_lookup(struct map *map, const void *key);

static inline u32 map_key_index(const void *key)
{
	u32 idx;

	memcpy(&idx, key, sizeof(idx));
	return idx;
}

/* --- values (value.c) ------------------------------------------------------------------------ */

/* Copies of `size` bytes in relaxed atomic words; the shared side is aligned to 8. */
void map_copy_in(void *shared, const void *src, size_t size);
void map_copy_out(void *dst, const void *shared, size_t size);

bool map_has_field(const struct map *map, enum map_field_kind kind);
/* Copy a value into place, all but its special fields. */
void map_value_write(struct map *map, void *shared, const void *src);
void map_value_write_locked(struct map *map, void *shared, const void *src);
/* Copy a value out for the user, special fields as zeros; BPF_F_LOCK is honoured. */
void map_value_read(struct map *map, void *dst, void *shared, u64 flags);
void map_value_zero(struct map *map, void *shared);
/* The value goes away: tell whoever looks after special fields, and reset them. */
void map_value_drop(struct map *map, void *shared);
/* All CPUs' values at once, from and to the user's layout; `at` is CPU 0's, `step` to the next. */
void map_percpu_write(struct map *map, char *at, size_t step, const void *user);
void map_percpu_read(struct map *map, void *user, char *at, size_t step);

static inline u32 map_value_room(const struct map *map)
{
	return (u32)align_up(map->def.value_size, 8);
}

static inline void count_add(u64 *count, u64 nr)
{
	__atomic_fetch_add(count, nr, __ATOMIC_RELAXED);
}

static inline u64 count_get(const u64 *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

/* --- locks ----------------------------------------------------------------------------------- */

void map_lock_slow(u32 *lock);

static inline void map_lock(u32 *lock)
{
	if (unlikely(__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE)))
		map_lock_slow(lock);
}

static inline bool map_trylock(u32 *lock)
{
	return !__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE);
}

static inline void map_unlock(u32 *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

/* --- waking a reader (wake.c) ------------------------------------------------------------------
 */

struct map_waker {
	int fd; /* an eventfd + 1; 0: nobody asked for it yet */
};
int map_waker_fd(struct map_waker *w); /* or -errno */
void map_waker_wake(struct map_waker *w);
void map_waker_reset(struct map_waker *w);
void map_waker_done(struct map_waker *w);

#endif
