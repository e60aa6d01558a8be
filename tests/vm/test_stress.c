/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Several threads in one machine, on the same maps: tests/bpf/stress.bpf.c from four of them, while
 * a fifth runs timers, reads the ring buffer, looks at maps as a user does and exchanges inner
 * maps. Worth most under ThreadSanitizer: make SAN=thread.
 */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "btf/types.h"
#include "object/object.h"
#include "vm/vm.h"
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#define NR_THREADS 4
#define NR_RUNS    6000
#define MAX_MAPS   32

static struct object *obj;
static struct btf *btf;
static struct map *maps[MAX_MAPS];
static struct vm *vm;
static struct vm_prog *code;
static struct skep_diag diag;
static u64 tasks[NR_THREADS]; /* what local storage hangs on */
static bool done;
static u64 nr_records, nr_bad_records;

static int open_machine(const char *path)
{
	struct object_reloc_opts reloc = {0};
	struct vm_opts opts = {0};
	struct vm_mem mem = {.name = "tasks",
			     .base = (uintptr_t)tasks,
			     .size = sizeof(tasks),
			     .flags = VM_MEM_READ | VM_MEM_ZERO_FAULT};
	char *image = NULL;
	size_t size;
	u32 zero = 0;
	int err;

	types_open_kernel(NULL, &btf, NULL, NULL);
	reloc.kernel_btf = opts.kernel_btf = btf;
	err = file_read(path, 0, &image, &size, &diag);
	err = err ?: object_open(image, size, path, &obj, &diag);
	mem_free(image);
	err = err ?: object_relocate(obj, &reloc, &diag);
	for (u32 i = 0; !err && i < obj->nr_maps && i < MAX_MAPS; i++) {
		err = map_new(&obj->maps[i].def, &maps[i], &diag);
		if (!err && obj->maps[i].data)
			err = map_user_update(maps[i], &zero, obj->maps[i].data, 0);
	}
	if (err)
		return err;
	opts.btf = obj->btf;
	err = vm_new(maps, obj->nr_maps, &opts, &vm, &diag);
	err = err ?: vm_mem_add(vm, &mem);
	return err ?: vm_prog_new(vm, &obj->progs[0], &code, &diag);
}

static struct map *map_called(const char *name)
{
	for (u32 i = 0; i < obj->nr_maps; i++)
		if (!strcmp(maps[i]->def.name, name))
			return maps[i];
	return NULL;
}

static u64 var(const char *name)
{
	const struct object_var *v = object_var(obj, name);

	return v ? *(u64 *)(maps[v->map]->mem.base + v->off) : ~0ull;
}

/* --- threads --------------------------------------------------------------------------------- */

static void *run_programs(void *arg)
{
	u64 *task = arg, ret;
	u32 seed = 77 + (u32)(task - tasks);

	for (u32 i = 0; i < NR_RUNS; i++) {
		struct vm_env env = {.cpu = -1, .task.kobj = task};
		struct skep_diag d = {0};
		u32 args[2];

		seed = seed * 1103515245 + 12345;
		args[0] = seed >> 8;
		args[1] = seed >> 16;
		if (vm_exec(code, &env, args, sizeof(args), &ret, &d)) {
			printf("# %s: %s\n", d.where, d.message);
			return task;
		}
	}
	return NULL;
}

static int read_record(void *ctx, u32 cpu, const void *data, size_t size)
{
	const u64 *r = data;

	nr_records++;
	nr_bad_records += size != 16 || r[1] != 2 * r[0];
	return 0;
}

static void exchange_inner(struct map *outer)
{
	struct map_def def = *outer->def.inner;
	struct map *inner = NULL;
	static u32 slot;

	def.name = "inner";
	slot = !slot;
	if (!map_new(&def, &inner, NULL))
		map_inner_set(outer, &slot, inner, BPF_ANY);
	map_put(inner);
}

static void walk(struct map *map)
{
	u64 value[16 * 64];
	u32 key, *at = NULL;

	for (u32 i = 0; i < 64 && !map_user_next_key(map, at, &key); i++) {
		map_user_lookup(map, &key, value, 0);
		at = &key;
	}
}

static void *run_rest(void *arg)
{
	struct map *ring = map_called("ring"), *outer = map_called("outer");
	u32 key = 0, rounds = 0;

	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
		vm_run_timers(vm, NULL);
		ringbuf_consume(ring, read_record, NULL);
		walk(map_called("hash"));
		walk(map_called("lru"));
		walk(map_called("percpu"));
		key = key % 28 + 4;
		map_user_delete(map_called("timed"), &key);
		map_user_delete(map_called("lazy"), &key);
		if (rounds++ < 200) /* each is learned, and kept, by the machine */
			exchange_inner(outer);
	}
	ringbuf_consume(ring, read_record, NULL);
	return NULL;
}

static void test_all(void)
{
	pthread_t threads[NR_THREADS], rest;
	void *failed = NULL, *ret;
	struct map_stats stats;

	pthread_create(&rest, NULL, run_rest, NULL);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&threads[i], NULL, run_programs, &tasks[i]);
	for (int i = 0; i < NR_THREADS; i++) {
		pthread_join(threads[i], &ret);
		failed = failed ?: ret;
	}
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	pthread_join(rest, NULL);
	usleep(1000); /* what is armed is due by now, if nothing else ran timers */
	vm_run_timers(vm, NULL);
	map_stats(map_called("ring"), &stats);
	ok(!failed, "%d threads run %d programs each", NR_THREADS, NR_RUNS);
	is_int(var("bad"), 0, "no program saw what it should not");
	ok(nr_records == var("sent") && nr_records == stats.delivered,
	   "every record that was sent has come: %llu", (unsigned long long)nr_records);
	is_int(nr_bad_records, 0, "each is whole");
	ok(var("fired") > 0, "timers fired, %llu times", (unsigned long long)var("fired"));
}

int main(void)
{
	const char *build = getenv("B") ?: "build";
	char path[512];
	u64 live = mem_live();

	snprintf(path, sizeof(path), "%s/tests/bpf/stress.bpf.o", build);
	if (access(path, R_OK))
		tap_skip_all("stress.bpf.o is not built");
	if (ok(!open_machine(path), "a machine"))
		test_all();
	else
		printf("# %s: %s\n", diag.where, diag.message);
	vm_free(vm);
	for (u32 i = 0; i < MAX_MAPS; i++)
		map_put(maps[i]);
	object_close(obj);
	types_close(btf);
	is_int(mem_live(), live, "nothing is left over");
	return tap_done();
}
