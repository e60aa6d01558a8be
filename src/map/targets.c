/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Arrays of things that packets and sockets are sent to: devmap, cpumap, xskmap, sockmap,
 * reuseport_sockarray, and cgroup_array. They answer with the kernel's errno (devmap.c, cpumap.c,
 * xskmap.c, sock_map.c, reuseport_array.c, arraymap.c), but what they hold is a number: there are
 * no devices or sockets to look up here, so any interface, any socket number is taken. A provider
 * asks map_target_get where a redirected packet goes.
 */
#include "map/impl.h"
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define MAX_KERNEL_CPUS  8192 /* NR_CPUS of distributions */
#define MAX_CPUMAP_QUEUE 16384

/* An entry, as programs see it: of devmaps { ifindex, program }, of cpumaps { queue size, program
 * }, of xskmaps the socket's queue_id. */
struct target {
	u32 seen[2];
	u64 to;
	u32 is_set;
	u32 pad;
};

static struct target *target_at(struct map *map, u32 idx)
{
	return idx < map->def.max_entries ? &((struct target *)map->areas[0].p)[idx] : NULL;
}

static bool is_set(const struct target *t)
{
	return t && __atomic_load_n(&t->is_set, __ATOMIC_ACQUIRE);
}

static void set(struct target *t, u64 to, u32 seen0, u32 seen1)
{
	__atomic_store_n(&t->seen[0], seen0, __ATOMIC_RELAXED);
	__atomic_store_n(&t->seen[1], seen1, __ATOMIC_RELAXED);
	__atomic_store_n(&t->to, to, __ATOMIC_RELAXED);
	__atomic_store_n(&t->is_set, 1, __ATOMIC_RELEASE);
}

static bool unset(struct target *t)
{
	return __atomic_exchange_n(&t->is_set, 0, __ATOMIC_ACQ_REL);
}

static u64 read_value(const struct map *map, const void *value)
{
	u64 v = 0;

	memcpy(&v, value, min_u64(map->def.value_size, sizeof(v)));
	return v;
}

/* What programs get pointers to: read only, whatever the flags say. */
static int targets_init(struct map *map, struct skep_diag *diag)
{
	if (!map_reserve(map, 0, map->def.max_entries, sizeof(struct target)))
		return -ENOMEM;
	map->mem.base = map->areas[0].p;
	map->mem.size = (size_t)map->def.max_entries * sizeof(struct target);
	map->mem.stride = sizeof(struct target);
	map->mem.value_len = min_u64(map->def.value_size, sizeof(u64));
	map->mem.may_write = false;
	return 0;
}

static void *targets_lookup(struct map *map, const void *key)
{
	struct target *t = target_at(map, map_key_index(key));

	return is_set(t) ? t->seen : NULL;
}

static int targets_get(struct map *map, const void *key, u64 *ret)
{
	struct target *t = target_at(map, map_key_index(key));

	if (!is_set(t))
		return -ENOENT;
	*ret = __atomic_load_n(&t->to, __ATOMIC_RELAXED);
	return 0;
}

static long targets_set(struct map *map, const void *key, u64 target, u64 flags)
{
	if (map->def.value_size > sizeof(target))
		return -EINVAL;
	return map->ops->user_update(map, key, &target, flags);
}

static bool is_wrong_size(const struct map_def *def)
{
	return !def->max_entries || def->key_size != 4 ||
	       (def->value_size != 4 && def->value_size != 8);
}

static int check_sizes(const struct map_def *def, u32 flags, struct skep_diag *diag)
{
	if (def->flags & ~(flags | BPF_F_NUMA_NODE))
		return refuse(diag, -EINVAL, "map_flags %#x: not all mean something here",
			      def->flags);
	if (is_wrong_size(def))
		return refuse(diag, -EINVAL,
			      "at least one entry, keys of 4 bytes, values of 4 or 8 are needed");
	return 0;
}

/* EEXIST and ENOENT, where the kernel makes the distinction. */
static int check_exist(const struct target *t, u64 flags)
{
	if (is_set(t) && flags == BPF_NOEXIST)
		return -EEXIST;
	return !is_set(t) && flags == BPF_EXIST ? -ENOENT : 0;
}

/* --- devmap ----------------------------------------------------------------------------------- */

static int devmap_check(const struct map_def *def, struct skep_diag *diag)
{
	return check_sizes(def, BPF_F_RDONLY | BPF_F_WRONLY, diag);
}

static int devmap_init(struct map *map, struct skep_diag *diag)
{
	map->def.flags |= BPF_F_RDONLY_PROG; /* as the kernel's dev_map_init_map */
	return targets_init(map, diag);
}

static int devmap_update(struct map *map, const void *key, const void *value, u64 flags)
{
	struct target *t = target_at(map, map_key_index(key));
	u64 v = read_value(map, value);

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (!t)
		return -E2BIG;
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	if ((s32)(v >> 32) > 0)
		return -EINVAL; /* a program of its own: no descriptor of one is good here */
	if (v)
		set(t, (u32)v, (u32)v, 0);
	else
		unset(t);
	return 0;
}

static int devmap_remove(struct map *map, const void *key)
{
	struct target *t = target_at(map, map_key_index(key));

	if (!t)
		return -EINVAL;
	unset(t);
	return 0;
}

/* --- cpumap ----------------------------------------------------------------------------------- */

static int cpumap_check(const struct map_def *def, struct skep_diag *diag)
{
	int err = check_sizes(def, 0, diag);

	if (!err && def->max_entries > MAX_KERNEL_CPUS)
		err = refuse(diag, -E2BIG, "a cpumap has at most %d entries", MAX_KERNEL_CPUS);
	return err;
}

static int cpumap_update(struct map *map, const void *key, const void *value, u64 flags)
{
	u32 cpu = map_key_index(key);
	struct target *t = target_at(map, cpu);
	u64 v = read_value(map, value);

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (!t)
		return -E2BIG;
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	if ((u32)v > MAX_CPUMAP_QUEUE)
		return -EOVERFLOW;
	if (cpu >= map->nr_cpus)
		return -ENODEV;
	if ((u32)v && (s32)(v >> 32) > 0)
		return -ENOMEM; /* what the kernel makes of a program that it cannot get */
	if ((u32)v)
		set(t, cpu, (u32)v, 0);
	else
		unset(t);
	return 0;
}

/* --- xskmap ----------------------------------------------------------------------------------- */

static int xskmap_check(const struct map_def *def, struct skep_diag *diag)
{
	if (def->value_size != 4)
		return refuse(diag, -EINVAL, "values are sockets, of 4 bytes");
	return check_sizes(def, BPF_F_RDONLY | BPF_F_WRONLY, diag);
}

static int xskmap_update(struct map *map, const void *key, const void *value, u64 flags)
{
	u32 idx = map_key_index(key);
	struct target *t = target_at(map, idx);
	int err;

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (!t)
		return -E2BIG;
	err = check_exist(t, flags);
	if (!err)
		set(t, read_value(map, value), idx, 0);
	return err;
}

static int xskmap_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	return -EOPNOTSUPP;
}

/* --- sockmap, reuseport_sockarray ------------------------------------------------------------- */

static int sockmap_check(const struct map_def *def, struct skep_diag *diag)
{
	int err = check_sizes(def, BPF_F_RDONLY | BPF_F_WRONLY, diag);

	return !err && def->max_entries > INT_MAX ? -EINVAL : err;
}

static int sockmap_update(struct map *map, const void *key, const void *value, u64 flags)
{
	struct target *t = target_at(map, map_key_index(key));
	u64 v = read_value(map, value);
	int err;

	if (v > INT_MAX || flags > BPF_EXIST)
		return -EINVAL;
	if (!t)
		return -E2BIG;
	err = check_exist(t, flags);
	if (!err)
		set(t, v, 0, 0);
	return err;
}

static int sockmap_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	if (map->def.value_size != sizeof(u64))
		return -ENOSPC;
	return targets_get(map, key, value);
}

static int sockmap_remove(struct map *map, const void *key)
{
	struct target *t = target_at(map, map_key_index(key));

	return t && unset(t) ? 0 : -EINVAL;
}

static int reuseport_check(const struct map_def *def, struct skep_diag *diag)
{
	int err = check_sizes(def, FLAGS_ACCESS, diag);

	return err ? err : map_array_check(def, diag);
}

/* Descriptors of 4 bytes are signed here. */
static int reuseport_update(struct map *map, const void *key, const void *value, u64 flags)
{
	u64 v = read_value(map, value);

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (!target_at(map, map_key_index(key)))
		return -E2BIG;
	if (v > INT_MAX)
		return map->def.value_size == sizeof(u64) ? -EINVAL : -EBADF;
	return sockmap_update(map, key, value, flags);
}

static int fd_remove(struct map *map, const void *key)
{
	struct target *t = target_at(map, map_key_index(key));

	if (!t)
		return -E2BIG;
	return unset(t) ? 0 : -ENOENT;
}

/* --- cgroup_array ----------------------------------------------------------------------------- */

/* A cgroup's id is the number of its directory. */
static int cgroup_id(int fd, u64 *ret)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) || fstat(fd, &st) || fs.f_type != CGROUP2_SUPER_MAGIC)
		return -EBADF;
	*ret = st.st_ino;
	return 0;
}

static int cgroup_update(struct map *map, const void *key, const void *value, u64 flags)
{
	struct target *t = target_at(map, map_key_index(key));
	u64 id;
	int err;

	if (flags != BPF_ANY)
		return -EINVAL;
	if (!t)
		return -E2BIG;
	err = cgroup_id((int)read_value(map, value), &id);
	if (!err)
		set(t, id, 0, 0);
	return err;
}

static int cgroup_user_lookup(struct map *map, const void *key, void *value, u64 flags)
{
	return -ENOTSUPP;
}

#define TARGET_OPS                                                                                 \
	.size = sizeof(struct map), .next_key = map_array_next_key, .target = targets_get,         \
	.target_set = targets_set

const struct map_ops map_devmap_ops = {
	.name = "devmap",
	.check = devmap_check,
	.init = devmap_init,
	.lookup = targets_lookup,
	.user_update = devmap_update,
	.user_remove = devmap_remove,
	TARGET_OPS,
};

const struct map_ops map_cpumap_ops = {
	.name = "cpumap",
	.check = cpumap_check,
	.init = targets_init,
	.lookup = targets_lookup,
	.user_update = cpumap_update,
	.user_remove = devmap_remove,
	TARGET_OPS,
};

const struct map_ops map_xskmap_ops = {
	.name = "xskmap",
	.check = xskmap_check,
	.init = targets_init,
	.lookup = targets_lookup,
	.user_lookup = xskmap_user_lookup,
	.user_update = xskmap_update,
	.user_remove = devmap_remove,
	TARGET_OPS,
};

const struct map_ops map_sockmap_ops = {
	.name = "sockmap",
	.check = sockmap_check,
	.init = targets_init,
	.lookup = map_no_lookup,
	.user_lookup = sockmap_user_lookup,
	.user_update = sockmap_update,
	.user_remove = sockmap_remove,
	TARGET_OPS,
};

const struct map_ops map_reuseport_ops = {
	.name = "reuseport_sockarray",
	.check = reuseport_check,
	.init = targets_init,
	.lookup = map_no_lookup,
	.user_lookup = sockmap_user_lookup,
	.user_update = reuseport_update,
	.user_remove = fd_remove,
	TARGET_OPS,
};

const struct map_ops map_cgroup_array_ops = {
	.name = "cgroup_array",
	.flags = MAP_T_FD,
	.check = map_fd_array_check,
	.init = targets_init,
	.lookup = map_no_lookup,
	.user_lookup = cgroup_user_lookup,
	.user_update = cgroup_update,
	.user_remove = fd_remove,
	TARGET_OPS,
};
