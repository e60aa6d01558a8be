/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Maps in general: the table of types, creation with the checks that the kernel's map_create and
 * map_check_btf make for every type, references, ids, RCU and CPUs. The two sides of an operation
 * are in access.c.
 */
#include "base/file.h"
#include "map/impl.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <urcu/urcu-bp.h>

static const struct map_ops *const types[] = {
	[BPF_MAP_TYPE_HASH] = &map_hash_ops,
	[BPF_MAP_TYPE_ARRAY] = &map_array_ops,
	[BPF_MAP_TYPE_PROG_ARRAY] = &map_prog_array_ops,
	[BPF_MAP_TYPE_PERF_EVENT_ARRAY] = &map_perf_ops,
	[BPF_MAP_TYPE_PERCPU_HASH] = &map_percpu_hash_ops,
	[BPF_MAP_TYPE_PERCPU_ARRAY] = &map_percpu_array_ops,
	[BPF_MAP_TYPE_LRU_HASH] = &map_lru_hash_ops,
	[BPF_MAP_TYPE_LRU_PERCPU_HASH] = &map_lru_percpu_hash_ops,
	[BPF_MAP_TYPE_RINGBUF] = &map_ringbuf_ops,
	[BPF_MAP_TYPE_USER_RINGBUF] = &map_user_ringbuf_ops,
	[BPF_MAP_TYPE_QUEUE] = &map_queue_ops,
	[BPF_MAP_TYPE_STACK] = &map_stack_ops,
	[BPF_MAP_TYPE_BLOOM_FILTER] = &map_bloom_ops,
	[BPF_MAP_TYPE_LPM_TRIE] = &map_lpm_ops,
	[BPF_MAP_TYPE_ARRAY_OF_MAPS] = &map_array_of_maps_ops,
	[BPF_MAP_TYPE_HASH_OF_MAPS] = &map_hash_of_maps_ops,
	[BPF_MAP_TYPE_STACK_TRACE] = &map_stack_trace_ops,
	[BPF_MAP_TYPE_CGROUP_ARRAY] = &map_cgroup_array_ops,
	[BPF_MAP_TYPE_DEVMAP] = &map_devmap_ops,
	[BPF_MAP_TYPE_DEVMAP_HASH] = &map_devmap_hash_ops,
	[BPF_MAP_TYPE_CPUMAP] = &map_cpumap_ops,
	[BPF_MAP_TYPE_XSKMAP] = &map_xskmap_ops,
	[BPF_MAP_TYPE_SOCKMAP] = &map_sockmap_ops,
	[BPF_MAP_TYPE_SOCKHASH] = &map_sockhash_ops,
	[BPF_MAP_TYPE_REUSEPORT_SOCKARRAY] = &map_reuseport_ops,
	[BPF_MAP_TYPE_SK_STORAGE] = &map_sk_storage_ops,
	[BPF_MAP_TYPE_TASK_STORAGE] = &map_task_storage_ops,
	[BPF_MAP_TYPE_INODE_STORAGE] = &map_inode_storage_ops,
	[SPEC_MAP_CGRP_STORAGE] = &map_cgrp_storage_ops,
	[BPF_MAP_TYPE_CGROUP_STORAGE] = &map_cgroup_storage_ops,
	[BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE] = &map_percpu_cgroup_storage_ops,
	[BPF_MAP_TYPE_STRUCT_OPS] = &map_struct_ops_ops,
	[SPEC_MAP_ARENA] = &map_arena_ops,
};

bool map_type_is_storage(u32 type)
{
	static const u32 storages[] = {SPEC_MAP_SK_STORAGE,     SPEC_MAP_INODE_STORAGE,
				       SPEC_MAP_TASK_STORAGE,   SPEC_MAP_CGRP_STORAGE,
				       SPEC_MAP_CGROUP_STORAGE, SPEC_MAP_PERCPU_CGROUP_STORAGE};

	for (u32 i = 0; i < ARRAY_SIZE(storages); i++)
		if (storages[i] == type)
			return true;
	return false;
}

/* --- CPUs ------------------------------------------------------------------------------------ */

#define MAX_CPUS 8192 /* NR_CPUS of any distribution's kernel */

static _Thread_local int simulated_cpu = -1;
static u32 nr_cpus;

/* "0-7", "0,2-5": the highest number counts. */
static void count_cpus(void)
{
	char buf[256] = "";
	int fd = open("/sys/devices/system/cpu/possible", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	long nr = 0;

	if (fd >= 0)
		close(fd);
	if (len > 0) {
		const char *last = buf + strcspn(buf, "\n");

		while (last > buf && last[-1] >= '0' && last[-1] <= '9')
			last--;
		nr = strtol(last, NULL, 10) + 1;
	}
	if (nr <= 0)
		nr = sysconf(_SC_NPROCESSORS_CONF);
	nr_cpus = nr < 1 ? 1 : (u32)min_u64((u64)nr, MAX_CPUS);
}

u32 map_nr_cpus(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, count_cpus);
	return nr_cpus;
}

u32 map_current_cpu(void)
{
	int cpu = simulated_cpu;

	if (cpu < 0)
		cpu = sched_getcpu();
	if (unlikely(cpu < 0))
		cpu = 0;
	return likely((u32)cpu < map_nr_cpus()) ? (u32)cpu : (u32)cpu % map_nr_cpus();
}

void map_set_cpu(int cpu)
{
	simulated_cpu = cpu;
}

/* --- readers --------------------------------------------------------------------------------- */

/* So many things may wait for readers before somebody who may wait frees them. */
#define DEFER_MANY 256

/* ThreadSanitizer does not see into liburcu: an unlock happens before what is freed behind it. */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *p);
void __tsan_release(void *p);
#define SAW_READERS_LEAVE() __tsan_acquire(&deferred)
#define READER_LEAVES()     __tsan_release(&deferred)
#else
#define SAW_READERS_LEAVE()
#define READER_LEAVES()
#endif

static _Thread_local u32 read_depth;
static pthread_mutex_t defer_lock = PTHREAD_MUTEX_INITIALIZER;
static struct map_deferred *deferred;
static u32 nr_deferred;

static bool has_deferred(u32 more_than)
{
	return __atomic_load_n(&nr_deferred, __ATOMIC_RELAXED) > more_than;
}

void map_read_lock(void)
{
	read_depth++;
	urcu_bp_read_lock();
}

void map_read_unlock(void)
{
	READER_LEAVES();
	urcu_bp_read_unlock();
	if (!--read_depth && unlikely(has_deferred(DEFER_MANY)))
		map_defer_flush();
}

void map_defer(struct map_deferred *node, void (*fn)(struct map_deferred *node))
{
	node->fn = fn;
	pthread_mutex_lock(&defer_lock);
	node->next = deferred;
	deferred = node;
	__atomic_fetch_add(&nr_deferred, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&defer_lock);
}

static struct map_deferred *take_deferred(void)
{
	struct map_deferred *node;

	pthread_mutex_lock(&defer_lock);
	node = deferred;
	deferred = NULL;
	__atomic_store_n(&nr_deferred, 0, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&defer_lock);
	return node;
}

/* What is freed may defer more. */
void map_defer_flush(void)
{
	struct map_deferred *node, *next;

	while (!read_depth && has_deferred(0)) {
		node = take_deferred();
		if (node)
			urcu_bp_synchronize_rcu();
		SAW_READERS_LEAVE();
		for (; node; node = next) {
			next = node->next;
			node->fn(node);
		}
	}
}

void map_synchronize(void)
{
	urcu_bp_synchronize_rcu();
	SAW_READERS_LEAVE();
}

/* --- memory ---------------------------------------------------------------------------------- */

static size_t reserved;
static u64 held, may_hold;         /* bytes that count; 0: the default */
static _Thread_local bool is_over; /* what map_charge said last */

/* Linux, which allocates at once, gives no map more than there is. */
u64 map_max_area(void)
{
	u64 pages = (u64)sysconf(_SC_PHYS_PAGES), page = (u64)sysconf(_SC_PAGESIZE);

	return min_u64(MAP_MAX_AREA, pages * page);
}

void map_set_memory(u64 bytes)
{
	__atomic_store_n(&may_hold, bytes, __ATOMIC_RELAXED);
}

u64 map_memory_held(void)
{
	return __atomic_load_n(&held, __ATOMIC_RELAXED);
}

static u64 memory_limit(void)
{
	return __atomic_load_n(&may_hold, __ATOMIC_RELAXED) ?: map_max_area() / 4 * 3;
}

bool map_charge(struct map_area *area, u64 bytes)
{
	u64 now = map_memory_held(), limit = memory_limit();

	do {
		is_over = bytes > limit || now > limit - bytes;
		if (is_over)
			return false;
	} while (!__atomic_compare_exchange_n(&held, &now, now + bytes, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	__atomic_fetch_add(&area->charged, bytes, __ATOMIC_RELAXED);
	return true;
}

void map_uncharge(struct map_area *area, u64 bytes)
{
	__atomic_fetch_sub(&area->charged, bytes, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&held, bytes, __ATOMIC_RELAXED);
}

char *map_reserve_lazy(struct map *map, u32 area, u64 nr, u64 size)
{
	u64 page = (u64)sysconf(_SC_PAGESIZE), total;
	void *p;

	if (__builtin_mul_overflow(nr, size, &total) || total > map_max_area())
		return NULL;
	/* a gap behind it: one byte past a map's end is never another map's first */
	total = align_up(total ? total : 1, page) + page;
	p = mem_map(total);
	if (!p)
		return NULL;
	map->areas[area] = (struct map_area){.p = p, .size = total};
	__atomic_fetch_add(&reserved, total, __ATOMIC_RELAXED);
	return p;
}

char *map_reserve(struct map *map, u32 area, u64 nr, u64 size)
{
	char *p = map_reserve_lazy(map, area, nr, size);

	if (!p || map_charge(&map->areas[area], nr * size))
		return p;
	map_unreserve(&map->areas[area]);
	return NULL;
}

void map_unreserve(struct map_area *area)
{
	if (!area->p)
		return;
	mem_unmap(area->p, area->size);
	map_uncharge(area, area->charged);
	__atomic_fetch_sub(&reserved, area->size, __ATOMIC_RELAXED);
	*area = (struct map_area){0};
}

size_t map_reserved(void)
{
	return __atomic_load_n(&reserved, __ATOMIC_RELAXED);
}

/* --- checks ---------------------------------------------------------------------------------- */

int map_check_flags(const struct map_def *def, u32 allowed, struct skep_diag *diag)
{
	u32 prog = BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;

	if (def->flags & ~(allowed | BPF_F_NUMA_NODE))
		return refuse(diag, -EINVAL, "map_flags %#x: %#x means nothing for this type",
			      def->flags, def->flags & ~(allowed | BPF_F_NUMA_NODE));
	if ((def->flags & prog) == prog)
		return refuse(diag, -EINVAL,
			      "BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude each other");
	return 0;
}

int map_check_percpu(const struct map_def *def, struct skep_diag *diag)
{
	if (def->flags & BPF_F_NUMA_NODE)
		return refuse(diag, -EINVAL, "a per-CPU map cannot have a NUMA node");
	return 0;
}

static int check_numa(const struct map_def *def, struct skep_diag *diag)
{
	char path[64];

	if (!(def->flags & BPF_F_NUMA_NODE) || !def->numa_node)
		return 0;
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", def->numa_node);
	if (!file_exists(path))
		return refuse(diag, -EINVAL, "there is no NUMA node %u", def->numa_node);
	return 0;
}

static int check_common(const struct map_def *def, struct skep_diag *diag)
{
	u32 file = BPF_F_RDONLY | BPF_F_WRONLY;

	if (def->extra && def->type != BPF_MAP_TYPE_BLOOM_FILTER && def->type != SPEC_MAP_ARENA)
		return refuse(diag, -EINVAL, "map_extra means nothing for this type");
	if ((def->flags & file) == file)
		return refuse(diag, -EINVAL, "BPF_F_RDONLY and BPF_F_WRONLY exclude each other");
	return check_numa(def, diag);
}

/* Which types may have which fields: the kernel's map_check_btf. */
static const struct {
	const char *name;
	u32 flag;
} field_kinds[] = {
	[MAP_FIELD_SPIN_LOCK] = {"bpf_spin_lock", MAP_T_LOCK},
	[MAP_FIELD_RES_SPIN_LOCK] = {"bpf_res_spin_lock", MAP_T_LOCK},
	[MAP_FIELD_TIMER] = {"bpf_timer", MAP_T_TIMER},
	[MAP_FIELD_WORKQUEUE] = {"bpf_wq", MAP_T_TIMER},
	[MAP_FIELD_TASK_WORK] = {"bpf_task_work", MAP_T_TASK_WORK},
	[MAP_FIELD_KPTR] = {"a kptr", MAP_T_KPTR},
	[MAP_FIELD_UPTR] = {"a uptr", MAP_T_UPTR},
	[MAP_FIELD_LIST_HEAD] = {"bpf_list_head", MAP_T_ROOTS},
	[MAP_FIELD_RB_ROOT] = {"bpf_rb_root", MAP_T_ROOTS},
	[MAP_FIELD_REFCOUNT] = {"bpf_refcount", MAP_T_KPTR},
};

static int check_field(const struct map_def *def, const struct map_ops *ops, u32 i, u32 at,
		       struct skep_diag *diag)
{
	const struct map_field *f = &def->fields[i];

	if ((u32)f->kind >= ARRAY_SIZE(field_kinds) || f->off < at ||
	    !in_bounds(f->off, f->size, def->value_size))
		return refuse(diag, -EINVAL, "special field %u of the value is misplaced", i);
	if (!(ops->flags & field_kinds[f->kind].flag))
		return refuse(diag, -EOPNOTSUPP, "a value of this type cannot hold %s",
			      field_kinds[f->kind].name);
	return 0;
}

static int check_fields(const struct map_def *def, const struct map_ops *ops,
			struct skep_diag *diag)
{
	u32 at = 0;
	int err;

	if (!def->nr_fields)
		return 0;
	if (def->nr_fields > MAP_MAX_FIELDS)
		return refuse(diag, -E2BIG, "more than %d special fields in a value",
			      MAP_MAX_FIELDS);
	if (ops->flags & MAP_T_NO_KEY)
		return refuse(diag, -EINVAL, "values of this type cannot have special fields");
	if (def->flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
		return refuse(diag, -EACCES,
			      "a map with special fields cannot restrict its programs");
	for (u32 i = 0; i < def->nr_fields; i++) {
		err = check_field(def, ops, i, at, diag);
		if (err)
			return err;
		at = def->fields[i].off + def->fields[i].size;
	}
	return 0;
}

static int compare_fields(const void *a, const void *b)
{
	const struct map_field *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static int check_def(const struct map_def *def, const struct map_ops **ret_ops,
		     struct skep_diag *diag)
{
	const struct map_ops *ops = def->type < ARRAY_SIZE(types) ? types[def->type] : NULL;
	int err = check_common(def, diag);

	if (err)
		return err;
	if (!ops)
		return refuse(diag, -EINVAL, "map type %u is not known", def->type);
	*ret_ops = ops;
	err = ops->check(def, diag);
	return err ? err : check_fields(def, ops, diag);
}

int map_check_inner(const struct map_def *inner, struct skep_diag *diag)
{
	const struct map_ops *ops = NULL;
	int err;

	if (!inner)
		return refuse(diag, -EBADF, "a map of maps needs the definition of its inner maps");
	err = check_def(inner, &ops, diag);
	if (err)
		return diag_at(diag, err, "inner map");
	if (inner->type == BPF_MAP_TYPE_ARRAY_OF_MAPS || inner->type == BPF_MAP_TYPE_HASH_OF_MAPS)
		return refuse(diag, -EINVAL, "maps of maps of maps do not exist");
	if (ops->flags & MAP_T_NOT_INNER)
		return refuse(diag, -ENOTSUPP, "%s cannot be an inner map", ops->name);
	return 0;
}

static bool same_fields(const struct map_def *a, const struct map_def *b)
{
	if (a->nr_fields != b->nr_fields)
		return false;
	for (u32 i = 0; i < a->nr_fields; i++)
		if (memcmp(&a->fields[i], &b->fields[i], sizeof(a->fields[i])))
			return false;
	return true;
}

/* The kernel compares the number of entries where programs rely on it. */
static bool has_fixed_entries(const struct map_def *def)
{
	return (def->type == BPF_MAP_TYPE_ARRAY && !(def->flags & BPF_F_INNER_MAP)) ||
	       def->type == BPF_MAP_TYPE_XSKMAP;
}

bool map_is_like(const struct map_def *inner, const struct map *map)
{
	u32 not_kept = BPF_F_RDONLY | BPF_F_WRONLY;

	return inner->type == map->def.type && inner->key_size == map->def.key_size &&
	       inner->value_size == map->def.value_size &&
	       (inner->flags & ~not_kept) == (map->def.flags & ~not_kept) &&
	       same_fields(inner, &map->def) &&
	       (!has_fixed_entries(inner) || inner->max_entries == map->def.max_entries);
}

/* --- life ------------------------------------------------------------------------------------ */

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *all_maps;
static u32 last_id;

static void enlist(struct map *map)
{
	pthread_mutex_lock(&all_lock);
	map->id = ++last_id;
	map->next_map = all_maps;
	all_maps = map;
	pthread_mutex_unlock(&all_lock);
}

static void delist(struct map *map)
{
	pthread_mutex_lock(&all_lock);
	for (struct map **p = &all_maps; *p; p = &(*p)->next_map)
		if (*p == map) {
			*p = map->next_map;
			break;
		}
	pthread_mutex_unlock(&all_lock);
}

/* fn runs under the lock of the list: it must not make or put maps. */
void map_each_live(void (*fn)(struct map *map, void *ctx), void *ctx)
{
	pthread_mutex_lock(&all_lock);
	for (struct map *map = all_maps; map; map = map->next_map)
		fn(map, ctx);
	pthread_mutex_unlock(&all_lock);
}

static bool get_unless_zero(struct map *map)
{
	u32 refs = __atomic_load_n(&map->refs, __ATOMIC_RELAXED);

	while (refs)
		if (__atomic_compare_exchange_n(&map->refs, &refs, refs + 1, true, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

struct map *map_by_id(u32 id)
{
	struct map *map;

	pthread_mutex_lock(&all_lock);
	for (map = all_maps; map && map->id != id; map = map->next_map)
		;
	if (map && !get_unless_zero(map))
		map = NULL;
	pthread_mutex_unlock(&all_lock);
	return map;
}

static void destroy(struct map *map)
{
	if (map->ops->done)
		map->ops->done(map);
	for (u32 i = 0; i < MAP_NR_AREAS; i++)
		map_unreserve(&map->areas[i]);
	mem_free(map->name);
	mem_free(map);
}

static int copy_def(struct map *map, const struct map_def *def)
{
	map->def = *def;
	map->def.name = map->name = mem_strdup(def->name ? def->name : "");
	map->def.inner = NULL;
	if (def->inner) {
		map->inner_def = *def->inner;
		map->inner_def.name = "";
		map->inner_def.inner = NULL;
		map->def.inner = &map->inner_def;
	}
	return map->name ? 0 : -ENOMEM;
}

static int make(const struct map_def *def, struct map **ret, struct skep_diag *diag)
{
	const struct map_ops *ops = NULL;
	struct map_def sorted = *def;
	struct map *map;
	int err;

	if (sorted.nr_fields <= MAP_MAX_FIELDS)
		qsort(sorted.fields, sorted.nr_fields, sizeof(*sorted.fields), compare_fields);
	err = check_def(&sorted, &ops, diag);
	if (err)
		return err;
	map = mem_zalloc(ops->size);
	if (!map)
		return diag_nomem(diag);
	map->ops = ops;
	map->nr_cpus = map_nr_cpus();
	map->refs = 1;
	map->mem.may_write = !(def->flags & BPF_F_RDONLY_PROG);
	err = copy_def(map, &sorted);
	if (!err)
		err = ops->init(map, diag);
	if (err) {
		destroy(map);
		return err;
	}
	enlist(map);
	*ret = map;
	return 0;
}

int map_new(const struct map_def *def, struct map **ret, struct skep_diag *diag)
{
	int err;

	is_over = false;
	err = make(def, ret, diag);
	if (err == -ENOMEM && is_over)
		diag_set_full(diag, err, NULL, "--map-memory allows more",
			      "maps hold %llu MiB of memory, all together may hold %llu: no room "
			      "for %u entries with keys of %u and values of %u bytes",
			      (unsigned long long)map_memory_held() >> 20,
			      (unsigned long long)memory_limit() >> 20, def->max_entries,
			      def->key_size, def->value_size);
	else if (err == -ENOMEM || err == -E2BIG)
		diag_set(diag, err,
			 "the map is too large: %u entries, keys of %u, values of %u bytes",
			 def->max_entries, def->key_size, def->value_size);
	return err ? diag_at(diag, err, "map %s", def->name ? def->name : "(no name)") : 0;
}

struct map *map_get(struct map *map)
{
	__atomic_fetch_add(&map->refs, 1, __ATOMIC_RELAXED);
	return map;
}

static void destroy_deferred(struct map_deferred *node)
{
	destroy(container_of(node, struct map, deferred));
}

/* A map that goes may hold the last reference to others: flush until nothing is left. */
void map_put(struct map *map)
{
	if (!map || __atomic_sub_fetch(&map->refs, 1, __ATOMIC_ACQ_REL))
		return;
	delist(map);
	map_defer(&map->deferred, destroy_deferred);
	map_defer_flush();
}

void map_set_field_dtor(struct map *map, map_field_dtor fn, void *ctx)
{
	__atomic_store_n(&map->field_dtor, NULL, __ATOMIC_RELEASE);
	__atomic_store_n(&map->field_dtor_ctx, ctx, __ATOMIC_RELEASE);
	__atomic_store_n(&map->field_dtor, fn, __ATOMIC_RELEASE);
}
