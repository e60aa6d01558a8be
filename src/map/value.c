/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Values with special fields, as the kernel's copy_map_value, check_and_init_map_value and
 * bpf_obj_free_fields treat them: an update never writes a lock, timer, kptr, list head or tree
 * root, a lookup from the user side shows them as zeros, and a value that goes away gives back
 * what they hold.
 *
 * Values are shared between threads without a lock, so they are moved by relaxed atomic words:
 * an aligned 8-byte field is never seen half written.
 */
#include "map/impl.h"
#include <sched.h>
#include <time.h>

void map_copy_in(void *shared, const void *src, size_t size)
{
	u64 *to = shared;
	const u8 *from = src;
	u64 w;

	for (; size >= 8; size -= 8, from += 8) {
		memcpy(&w, from, 8);
		__atomic_store_n(to++, w, __ATOMIC_RELAXED);
	}
	for (u8 *tail = (u8 *)to; size; size--)
		__atomic_store_n(tail++, *from++, __ATOMIC_RELAXED);
}

void map_copy_out(void *dst, const void *shared, size_t size)
{
	const u64 *from = shared;
	u8 *to = dst;
	u64 w;

	for (; size >= 8; size -= 8, to += 8) {
		w = __atomic_load_n(from++, __ATOMIC_RELAXED);
		memcpy(to, &w, 8);
	}
	for (const u8 *tail = (const u8 *)from; size; size--)
		*to++ = __atomic_load_n(tail++, __ATOMIC_RELAXED);
}

/* The same where neither side need be aligned: the pieces between special fields. */
static void copy_bytes_in(u8 *shared, const u8 *src, size_t size)
{
	for (; size && ((uintptr_t)shared & 7); size--)
		__atomic_store_n(shared++, *src++, __ATOMIC_RELAXED);
	map_copy_in(shared, src, size);
}

void map_lock_slow(u32 *lock)
{
	for (u32 spins = 0; __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE); spins++)
		while (__atomic_load_n(lock, __ATOMIC_RELAXED))
			if (++spins > 64)
				sched_yield();
}

#define MAX_WAIT 250000000 /* ns */

static u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

bool map_spin_lock(void *lock)
{
	u64 start = 0;

	while (!map_trylock(lock)) {
		if (!start)
			start = now();
		if (now() - start > MAX_WAIT)
			return false;
		sched_yield();
	}
	return true;
}

void map_spin_unlock(void *lock)
{
	map_unlock(lock);
}

static const struct map_field *find_field(const struct map *map, enum map_field_kind kind)
{
	for (u32 i = 0; i < map->def.nr_fields; i++)
		if (map->def.fields[i].kind == kind)
			return &map->def.fields[i];
	return NULL;
}

bool map_has_field(const struct map *map, enum map_field_kind kind)
{
	return find_field(map, kind);
}

/* src NULL: zeros */
static void write_around_fields(struct map *map, char *shared, const char *src, size_t size)
{
	static const u8 zeros[256];
	size_t at = 0;

	for (u32 i = 0; i <= map->def.nr_fields; i++) {
		const struct map_field *f = &map->def.fields[i];
		size_t end = i < map->def.nr_fields ? f->off : size;

		for (size_t n; at < end; at += n) {
			n = src ? end - at : min_u64(end - at, sizeof(zeros));
			copy_bytes_in((u8 *)shared + at, src ? (const u8 *)src + at : zeros, n);
		}
		if (i < map->def.nr_fields)
			at = f->off + f->size;
	}
}

void map_value_write(struct map *map, void *shared, const void *src)
{
	if (likely(!map->def.nr_fields))
		map_copy_in(shared, src, map->def.value_size);
	else
		write_around_fields(map, shared, src, map->def.value_size);
}

void map_value_zero(struct map *map, void *shared)
{
	write_around_fields(map, shared, NULL, map_value_room(map));
}

void map_value_write_locked(struct map *map, void *shared, const void *src)
{
	const struct map_field *f = find_field(map, MAP_FIELD_SPIN_LOCK);

	bool locked = map_spin_lock((char *)shared + f->off);

	map_value_write(map, shared, src);
	if (locked)
		map_spin_unlock((char *)shared + f->off);
}

static void read_value(struct map *map, char *dst, const void *shared, size_t size)
{
	map_copy_out(dst, shared, size);
	for (u32 i = 0; i < map->def.nr_fields; i++)
		memset(dst + map->def.fields[i].off, 0, map->def.fields[i].size);
}

void map_value_read(struct map *map, void *dst, void *shared, u64 flags)
{
	const struct map_field *f = flags & BPF_F_LOCK ? find_field(map, MAP_FIELD_SPIN_LOCK)
						       : NULL;
	bool locked = f && map_spin_lock((char *)shared + f->off);

	read_value(map, dst, shared, map->def.value_size);
	if (locked)
		map_spin_unlock((char *)shared + f->off);
}

static bool is_unused(const u8 *addr, u32 size)
{
	u8 any = 0;

	for (u32 i = 0; i < size; i++)
		any |= __atomic_load_n(&addr[i], __ATOMIC_RELAXED);
	return !any;
}

/* Locks stay: whoever holds one gives it back itself. */
void map_value_drop(struct map *map, void *shared)
{
	map_field_dtor told = __atomic_load_n(&map->field_dtor, __ATOMIC_ACQUIRE);

	for (u32 i = 0; i < map->def.nr_fields; i++) {
		const struct map_field *f = &map->def.fields[i];
		u8 *addr = (u8 *)shared + f->off;

		if (f->kind == MAP_FIELD_SPIN_LOCK || f->kind == MAP_FIELD_RES_SPIN_LOCK ||
		    is_unused(addr, f->size))
			continue;
		if (told)
			told(__atomic_load_n(&map->field_dtor_ctx, __ATOMIC_ACQUIRE), map, f, addr);
		for (u32 k = 0; k < f->size; k++)
			__atomic_store_n(&addr[k], 0, __ATOMIC_RELAXED);
	}
}

void map_percpu_write(struct map *map, char *at, size_t step, const void *user)
{
	const char *from = user;
	u32 room = map_value_room(map);

	for (u32 cpu = 0; cpu < map->nr_cpus; cpu++, at += step, from += room) {
		write_around_fields(map, at, from, room);
		map_value_drop(map, at);
	}
}

void map_percpu_read(struct map *map, void *user, char *at, size_t step)
{
	char *to = user;
	u32 room = map_value_room(map);

	for (u32 cpu = 0; cpu < map->nr_cpus; cpu++, at += step, to += room)
		read_value(map, to, at, room);
}
