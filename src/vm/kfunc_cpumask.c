/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * bpf_cpumask_*: sets of CPUs, as many as there are possible ones. A mask of the program's own is
 * an allocated object; what is only read may also be a mask of the model kernel (task->cpus_ptr).
 */
#include "btf/types.h"
#include "spec/spec.h"
#include "vm/heap.h"
#include "vm/mem.h"
#include <errno.h>

#define MAX_WORDS 128  /* of the 8192 CPUs that a kernel knows at most */
#define MASK_SIZE 1032 /* struct bpf_cpumask of such a kernel */

struct mask {
	u64 w[MAX_WORDS];
};

/* Kept until readers have left, as a type with a bpf_refcount is. */
static const struct vm_type mask_type = {
	.size = MASK_SIZE, .nr_fields = 1, .fields = {{MAP_FIELD_REFCOUNT, MASK_SIZE - 4, 4}}};

static u32 nr_words(void)
{
	return (map_nr_cpus() + 63) / 64;
}

static u64 word_mask(u32 i) /* the bits of word i that are CPUs */
{
	u32 left = map_nr_cpus() - i * 64;

	return left >= 64 ? ~0ull : (1ull << left) - 1;
}

/* A mask that is read; a fault for what nobody may read. */
static bool get(struct vm_run *run, u64 addr, struct mask *m)
{
	if (!mem_read_kernel(run, m->w, nr_words() * 8, addr)) {
		for (u32 i = 0; i < nr_words(); i++)
			m->w[i] &= word_mask(i);
		return true;
	}
	vm_fault(run, "%#llx is no struct cpumask", (unsigned long long)addr);
	return false;
}

/* A mask of the program's own, to be written; NULL: the run has a fault. st->lock is held. */
static struct vm_obj *own(struct vm_run *run, u64 addr)
{
	struct vm_obj *o = vm_heap_obj(vm_state_of(run->vm), addr);

	if (o && o->type == &mask_type && (uintptr_t)o->base == addr)
		return o;
	vm_fault(run, "%#llx is no mask of bpf_cpumask_create", (unsigned long long)addr);
	return NULL;
}

static bool put(struct vm_run *run, u64 addr, const struct mask *m)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_obj *o;

	pthread_mutex_lock(&st->lock);
	o = own(run, addr);
	for (u32 i = 0; o && i < nr_words(); i++)
		__atomic_store_n((u64 *)o->base + i, m->w[i], __ATOMIC_RELAXED);
	pthread_mutex_unlock(&st->lock);
	return o;
}

/* --- life ------------------------------------------------------------------------------------ */

static u64 create(struct vm_run *run, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_obj *o;

	pthread_mutex_lock(&st->lock);
	o = vm_heap_alloc(st, MASK_SIZE);
	if (o)
		o->type = &mask_type;
	pthread_mutex_unlock(&st->lock);
	return o ? (uintptr_t)o->base : 0;
}

static u64 acquire(struct vm_run *run, u64 addr, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_obj *o;

	pthread_mutex_lock(&st->lock);
	o = own(run, addr);
	if (o)
		o->refs++;
	pthread_mutex_unlock(&st->lock);
	return addr;
}

static u64 release(struct vm_run *run, u64 addr, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct vm_state *st = vm_state_of(run->vm);
	struct vm_obj *o;

	pthread_mutex_lock(&st->lock);
	o = own(run, addr);
	if (o)
		vm_obj_put(st, o, run);
	pthread_mutex_unlock(&st->lock);
	vm_mem_gone(run);
	return 0;
}

/* --- one CPU ---------------------------------------------------------------------------------- */

enum change { SET, CLEAR };

/* Whether it was there before. A CPU that does not exist is not, and nothing changes. */
static u64 change(struct vm_run *run, u64 addr, u64 cpu, enum change how)
{
	struct vm_state *st = vm_state_of(run->vm);
	u64 bit = 1ull << (cpu & 63), was = 0;
	struct vm_obj *o;
	u64 *word;

	cpu = (u32)cpu;
	pthread_mutex_lock(&st->lock);
	o = own(run, addr);
	if (o && cpu < map_nr_cpus()) {
		word = (u64 *)o->base + cpu / 64;
		was = how == SET ? __atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST)
				 : __atomic_fetch_and(word, ~bit, __ATOMIC_SEQ_CST);
	}
	pthread_mutex_unlock(&st->lock);
	return was & bit ? 1 : 0;
}

static u64 set_cpu(struct vm_run *run, u64 cpu, u64 mask, u64 r3, u64 r4, u64 r5)
{
	change(run, mask, cpu, SET);
	return 0;
}

static u64 clear_cpu(struct vm_run *run, u64 cpu, u64 mask, u64 r3, u64 r4, u64 r5)
{
	change(run, mask, cpu, CLEAR);
	return 0;
}

static u64 test_and_set(struct vm_run *run, u64 cpu, u64 mask, u64 r3, u64 r4, u64 r5)
{
	return change(run, mask, cpu, SET);
}

static u64 test_and_clear(struct vm_run *run, u64 cpu, u64 mask, u64 r3, u64 r4, u64 r5)
{
	return change(run, mask, cpu, CLEAR);
}

static u64 test_cpu(struct vm_run *run, u64 cpu, u64 mask, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	cpu = (u32)cpu;
	return get(run, mask, &m) && cpu < map_nr_cpus() && m.w[cpu / 64] >> (cpu & 63) & 1;
}

/* --- whole masks ------------------------------------------------------------------------------ */

static u64 set_all(struct vm_run *run, u64 mask, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	memset(&m, 0xff, sizeof(m));
	put(run, mask, &m);
	return 0;
}

static u64 clear(struct vm_run *run, u64 mask, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct mask m = {{0}};

	put(run, mask, &m);
	return 0;
}

static u64 copy(struct vm_run *run, u64 dst, u64 src, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	if (get(run, src, &m))
		put(run, dst, &m);
	return 0;
}

enum op { OP_AND, OP_OR, OP_XOR };

static u64 combine(struct vm_run *run, u64 dst, u64 a, u64 b, enum op op)
{
	struct mask x, y;
	u64 any = 0;

	if (!get(run, a, &x) || !get(run, b, &y))
		return 0;
	for (u32 i = 0; i < nr_words(); i++) {
		x.w[i] = op == OP_AND  ? x.w[i] & y.w[i]
			 : op == OP_OR ? x.w[i] | y.w[i]
				       : x.w[i] ^ y.w[i];
		any |= x.w[i];
	}
	put(run, dst, &x);
	return op == OP_AND && any;
}

static u64 and_(struct vm_run *run, u64 dst, u64 a, u64 b, u64 r4, u64 r5)
{
	return combine(run, dst, a, b, OP_AND);
}

static u64 or_(struct vm_run *run, u64 dst, u64 a, u64 b, u64 r4, u64 r5)
{
	return combine(run, dst, a, b, OP_OR);
}

static u64 xor_(struct vm_run *run, u64 dst, u64 a, u64 b, u64 r4, u64 r5)
{
	return combine(run, dst, a, b, OP_XOR);
}

static u64 populate(struct vm_run *run, u64 dst, u64 src, u64 size, u64 r4, u64 r5)
{
	struct mask m;

	if (size < nr_words() * 8ull)
		return -EACCES;
	if (src & 7)
		return -EINVAL;
	if (!vm_may(run, src, size, VM_MEM_READ))
		return vm_fault(run, "argument 2 must be readable memory of %llu bytes",
				(unsigned long long)size);
	memcpy(m.w, (const void *)(uintptr_t)src, nr_words() * 8);
	put(run, dst, &m);
	return 0;
}

/* --- looking ---------------------------------------------------------------------------------- */

/* The first CPU from `from` on; the number of CPUs where there is none. */
static u32 next_cpu(const struct mask *m, u32 from)
{
	for (u32 cpu = from; cpu < map_nr_cpus(); cpu++)
		if (m->w[cpu / 64] >> (cpu & 63) & 1)
			return cpu;
	return map_nr_cpus();
}

static u64 first(struct vm_run *run, u64 mask, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	return get(run, mask, &m) ? next_cpu(&m, 0) : 0;
}

static u64 first_zero(struct vm_run *run, u64 mask, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	if (!get(run, mask, &m))
		return 0;
	for (u32 i = 0; i < nr_words(); i++)
		m.w[i] = ~m.w[i];
	return next_cpu(&m, 0);
}

static bool get_both(struct vm_run *run, u64 a, u64 b, struct mask *m)
{
	struct mask other;

	if (!get(run, a, m) || !get(run, b, &other))
		return false;
	for (u32 i = 0; i < nr_words(); i++)
		m->w[i] &= other.w[i];
	return true;
}

static u64 first_and(struct vm_run *run, u64 a, u64 b, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	return get_both(run, a, b, &m) ? next_cpu(&m, 0) : 0;
}

/* Another one than last time, where there are some. */
static u32 any_of(const struct mask *m)
{
	static u32 last;
	u32 cpu = next_cpu(m, __atomic_load_n(&last, __ATOMIC_RELAXED) + 1);

	if (cpu == map_nr_cpus())
		cpu = next_cpu(m, 0);
	if (cpu < map_nr_cpus())
		__atomic_store_n(&last, cpu, __ATOMIC_RELAXED);
	return cpu;
}

static u64 any(struct vm_run *run, u64 mask, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	return get(run, mask, &m) ? any_of(&m) : 0;
}

static u64 any_and(struct vm_run *run, u64 a, u64 b, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	return get_both(run, a, b, &m) ? any_of(&m) : 0;
}

static u32 weight_of(const struct mask *m)
{
	u32 nr = 0;

	for (u32 i = 0; i < nr_words(); i++)
		nr += (u32)__builtin_popcountll(m->w[i]);
	return nr;
}

static u64 weight(struct vm_run *run, u64 mask, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	return get(run, mask, &m) ? weight_of(&m) : 0;
}

static u64 empty(struct vm_run *run, u64 mask, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	return get(run, mask, &m) && !weight_of(&m);
}

static u64 full(struct vm_run *run, u64 mask, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	return get(run, mask, &m) && weight_of(&m) == map_nr_cpus();
}

static u64 intersects(struct vm_run *run, u64 a, u64 b, u64 r3, u64 r4, u64 r5)
{
	struct mask m;

	return get_both(run, a, b, &m) && weight_of(&m);
}

static u64 subset(struct vm_run *run, u64 a, u64 b, u64 r3, u64 r4, u64 r5)
{
	struct mask m, both;

	return get(run, a, &m) && get_both(run, a, b, &both) && weight_of(&m) == weight_of(&both);
}

static u64 equal(struct vm_run *run, u64 a, u64 b, u64 r3, u64 r4, u64 r5)
{
	struct mask x, y;

	return get(run, a, &x) && get(run, b, &y) && !memcmp(x.w, y.w, nr_words() * 8);
}

const struct vm_kfunc kfuncs_cpumask[] = {
	{"bpf_cpumask_create", create},
	{"bpf_cpumask_acquire", acquire},
	{"bpf_cpumask_release", release},
	{"bpf_cpumask_first", first},
	{"bpf_cpumask_first_zero", first_zero},
	{"bpf_cpumask_first_and", first_and},
	{"bpf_cpumask_set_cpu", set_cpu},
	{"bpf_cpumask_clear_cpu", clear_cpu},
	{"bpf_cpumask_test_cpu", test_cpu},
	{"bpf_cpumask_test_and_set_cpu", test_and_set},
	{"bpf_cpumask_test_and_clear_cpu", test_and_clear},
	{"bpf_cpumask_setall", set_all},
	{"bpf_cpumask_clear", clear},
	{"bpf_cpumask_and", and_},
	{"bpf_cpumask_or", or_},
	{"bpf_cpumask_xor", xor_},
	{"bpf_cpumask_equal", equal},
	{"bpf_cpumask_intersects", intersects},
	{"bpf_cpumask_subset", subset},
	{"bpf_cpumask_empty", empty},
	{"bpf_cpumask_full", full},
	{"bpf_cpumask_copy", copy},
	{"bpf_cpumask_any_distribute", any},
	{"bpf_cpumask_any_and_distribute", any_and},
	{"bpf_cpumask_weight", weight},
	{"bpf_cpumask_populate", populate},
	{NULL, NULL},
};
