/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A helper's arguments against its row in spec/helpers.def, before it is called: what the kernel's
 * check_func_arg and check_map_func_compatibility prove, tested on the values themselves.
 *
 * Each kind of argument has a function in `kinds`. What only the helper can judge (dynptrs,
 * callbacks, records of a ring buffer) it checks itself.
 */
#include "spec/spec.h"
#include "vm/heap.h"
#include <string.h>

#define MAX_SIZE (1u << 29) /* BPF_MAX_VAR_SIZ */
#define MAX_STR  (1u << 20)

/* One argument being looked at. */
struct arg {
	struct vm_run *run;
	const struct spec_helper *helper;
	const u64 *args;
	int i;
	const struct map *map; /* the last map argument before it */
};

static u64 value_of(const struct arg *a)
{
	return a->args[a->i];
}

static bool may(const struct arg *a, u64 len, u32 flags)
{
	return vm_may(a->run, value_of(a), len, flags);
}

/* --- maps ------------------------------------------------------------------------------------ */

#define T(type) (1ull << SPEC_MAP_##type)
#define H(name) SPEC_HELPER_##name

/* Helpers that take maps of some types only. */
static const struct {
	u32 id;
	u64 types;
} takes[] = {
	{H(perf_event_read), T(PERF_EVENT_ARRAY)},
	{H(perf_event_read_value), T(PERF_EVENT_ARRAY)},
	{H(perf_event_output), T(PERF_EVENT_ARRAY)},
	{H(skb_output), T(PERF_EVENT_ARRAY)},
	{H(xdp_output), T(PERF_EVENT_ARRAY)},
	{H(ringbuf_output), T(RINGBUF)},
	{H(ringbuf_reserve), T(RINGBUF)},
	{H(ringbuf_query), T(RINGBUF)},
	{H(ringbuf_reserve_dynptr), T(RINGBUF)},
	{H(user_ringbuf_drain), T(USER_RINGBUF)},
	{H(get_stackid), T(STACK_TRACE)},
	{H(skb_under_cgroup), T(CGROUP_ARRAY)},
	{H(current_task_under_cgroup), T(CGROUP_ARRAY)},
	{H(redirect_map), T(DEVMAP) | T(DEVMAP_HASH) | T(CPUMAP) | T(XSKMAP)},
	{H(sk_redirect_map), T(SOCKMAP)},
	{H(msg_redirect_map), T(SOCKMAP)},
	{H(sock_map_update), T(SOCKMAP)},
	{H(sk_redirect_hash), T(SOCKHASH)},
	{H(msg_redirect_hash), T(SOCKHASH)},
	{H(sock_hash_update), T(SOCKHASH)},
	{H(get_local_storage), T(CGROUP_STORAGE) | T(PERCPU_CGROUP_STORAGE)},
	{H(sk_select_reuseport), T(REUSEPORT_SOCKARRAY) | T(SOCKMAP) | T(SOCKHASH)},
	{H(map_push_elem), T(QUEUE) | T(STACK) | T(BLOOM_FILTER)},
	{H(map_peek_elem), T(QUEUE) | T(STACK) | T(BLOOM_FILTER)},
	{H(map_pop_elem), T(QUEUE) | T(STACK)},
	{H(map_lookup_percpu_elem), T(PERCPU_ARRAY) | T(PERCPU_HASH) | T(LRU_PERCPU_HASH)},
	{H(sk_storage_get), T(SK_STORAGE)},
	{H(sk_storage_delete), T(SK_STORAGE)},
	{H(inode_storage_get), T(INODE_STORAGE)},
	{H(inode_storage_delete), T(INODE_STORAGE)},
	{H(task_storage_get), T(TASK_STORAGE)},
	{H(task_storage_delete), T(TASK_STORAGE)},
	{H(cgrp_storage_get), T(CGRP_STORAGE)},
	{H(cgrp_storage_delete), T(CGRP_STORAGE)},
};

/* Types that serve some helpers only: those above that name them, and elements as said here. */
#define SOCKETS (T(SOCKMAP) | T(SOCKHASH))
#define OPAQUE                                                                                     \
	(T(PROG_ARRAY) | T(PERF_EVENT_ARRAY) | T(RINGBUF) | T(USER_RINGBUF) | T(STACK_TRACE) |     \
	 T(CGROUP_ARRAY) | T(CGROUP_STORAGE) | T(PERCPU_CGROUP_STORAGE) | T(DEVMAP) |              \
	 T(DEVMAP_HASH) | T(CPUMAP) | T(XSKMAP) | T(ARRAY_OF_MAPS) | T(HASH_OF_MAPS) | SOCKETS |   \
	 T(REUSEPORT_SOCKARRAY) | T(QUEUE) | T(STACK) | T(SK_STORAGE) | T(INODE_STORAGE) |         \
	 T(TASK_STORAGE) | T(CGRP_STORAGE) | T(BLOOM_FILTER) | T(ARENA) | T(STRUCT_OPS))
#define HAS_LOOKUP                                                                                 \
	(T(ARRAY_OF_MAPS) | T(HASH_OF_MAPS) | SOCKETS | T(DEVMAP) | T(DEVMAP_HASH) | T(XSKMAP))

static u64 types_for(u32 id)
{
	for (size_t i = 0; i < ARRAY_SIZE(takes); i++)
		if (takes[i].id == id)
			return takes[i].types;
	if (id == H(map_lookup_elem))
		return ~OPAQUE | HAS_LOOKUP;
	if (id == H(map_update_elem) || id == H(map_delete_elem))
		return ~OPAQUE | SOCKETS;
	return ~OPAQUE;
}

static bool writes(u32 id)
{
	return id == H(map_update_elem) || id == H(map_delete_elem) || id == H(map_push_elem) ||
	       id == H(map_pop_elem);
}

static bool map_fits(struct arg *a)
{
	u32 id = a->helper->id, type = a->map->def.type;
	const struct spec_name *name = spec_map_type(type);

	if (type >= 64 || !(types_for(id) >> type & 1)) {
		vm_fault(a->run, "bpf_%s: map %s of type %s is not for it", a->helper->name,
			 a->map->def.name, name ? name->name : "?");
		return false;
	}
	if (a->map->def.flags & BPF_F_RDONLY_PROG && writes(id)) {
		vm_fault(a->run, "bpf_%s: map %s is read-only for programs", a->helper->name,
			 a->map->def.name);
		return false;
	}
	return true;
}

static bool is_map(struct arg *a)
{
	if (!vm_is_map(a->run->vm, value_of(a)))
		return false;
	a->map = (const struct map *)(uintptr_t)value_of(a);
	return map_fits(a);
}

static bool is_key(struct arg *a)
{
	return may(a, a->map->def.key_size, VM_MEM_READ);
}

#define BYTES_PER_INSN 32 /* a helper moves as many in the time of an instruction */

static void charge_bytes(const struct arg *a, u64 size)
{
	vm_charge(a->run, size / BYTES_PER_INSN);
}

static bool is_map_value(struct arg *a)
{
	charge_bytes(a, a->map->def.value_size);
	return may(a, a->map->def.value_size, VM_MEM_READ);
}

static bool is_map_value_or_null(struct arg *a)
{
	return !value_of(a) || is_map_value(a);
}

/* A bloom filter's peek reads where a queue's writes. */
static bool is_room_for_value(struct arg *a)
{
	bool reads = a->map->def.type == SPEC_MAP_BLOOM_FILTER;

	charge_bytes(a, a->map->def.value_size);
	return may(a, a->map->def.value_size, reads ? VM_MEM_READ : VM_MEM_WRITE);
}

/* --- memory ---------------------------------------------------------------------------------- */

static bool is_mem(struct arg *a, u32 flags)
{
	u64 size = a->args[a->i + 1];

	if (size > MAX_SIZE || !may(a, size, flags))
		return false;
	charge_bytes(a, size);
	return true;
}

static bool is_readable(struct arg *a)
{
	return is_mem(a, VM_MEM_READ);
}

static bool is_writable(struct arg *a)
{
	return is_mem(a, VM_MEM_WRITE);
}

static bool is_fixed(struct arg *a)
{
	return may(a, a->helper->fixed_size[a->i], VM_MEM_READ);
}

static bool is_fixed_writable(struct arg *a)
{
	u32 size = a->helper->fixed_size[a->i];

	return !(value_of(a) & (size - 1)) && may(a, size, VM_MEM_WRITE);
}

static bool is_size(struct arg *a)
{
	return value_of(a) && value_of(a) <= MAX_SIZE;
}

static bool is_size_or_zero(struct arg *a)
{
	return value_of(a) <= MAX_SIZE;
}

static bool is_stack_or_null(struct arg *a)
{
	return !value_of(a) || may(a, 1, VM_MEM_READ);
}

static bool is_string(struct arg *a)
{
	u64 addr = value_of(a);

	for (u64 i = 0; i < MAX_STR && vm_may(a->run, addr + i, 1, VM_MEM_READ); i++)
		if (!*(const char *)(uintptr_t)(addr + i)) {
			vm_charge(a->run, i / 4);
			return true;
		}
	return false;
}

/* --- objects --------------------------------------------------------------------------------- */

static bool is_object(struct arg *a)
{
	return value_of(a) && may(a, 1, VM_MEM_READ);
}

static bool is_object_or_null(struct arg *a)
{
	return !value_of(a) || is_object(a);
}

/* Some helpers take a kernel object instead where the program has no context of that kind. */
static bool is_ctx(struct arg *a)
{
	if (value_of(a) == (uintptr_t)a->run->ctx)
		return true;
	switch (vm_prog_source(a->run->prog)->type) {
	case SPEC_PROG_TRACING:
	case SPEC_PROG_LSM:
	case SPEC_PROG_STRUCT_OPS:
	case SPEC_PROG_SYSCALL:
		return is_object(a);
	}
	return false;
}

static bool is_ctx_or_null(struct arg *a)
{
	return !value_of(a) || is_ctx(a);
}

static bool is_present(struct arg *a)
{
	return value_of(a);
}

/* A field that the map's type information tells of, or one in an object of the program's own. */
static bool is_field(struct arg *a, enum map_field_kind kind, u32 size)
{
	struct map *map;

	return !(value_of(a) & (size - 1)) && may(a, size, VM_MEM_READ | VM_MEM_WRITE) &&
	       vm_has_field(a->run, kind, value_of(a), &map);
}

static bool is_lock(struct arg *a)
{
	return is_field(a, MAP_FIELD_SPIN_LOCK, 4);
}

static bool is_kptr(struct arg *a)
{
	return is_field(a, MAP_FIELD_KPTR, 8);
}

static bool is_timer(struct arg *a)
{
	struct map *map;

	return vm_field_at(a->run, MAP_FIELD_TIMER, value_of(a), &map);
}

/* Kinds without a row: any value does, or the helper looks itself. */
static bool (*const kinds[])(struct arg *a) = {
	[ARG_CONST_MAP_PTR] = is_map,
	[ARG_PTR_TO_MAP_KEY] = is_key,
	[ARG_PTR_TO_MAP_VALUE] = is_map_value,
	[ARG_PTR_TO_MAP_VALUE_OR_NULL] = is_map_value_or_null,
	[ARG_PTR_TO_UNINIT_MAP_VALUE] = is_room_for_value,
	[ARG_PTR_TO_MEM] = is_writable, /* what the helper only reads is RDONLY */
	[ARG_PTR_TO_MEM_OR_NULL] = is_writable,
	[ARG_PTR_TO_MEM_RDONLY] = is_readable,
	[ARG_PTR_TO_MEM_RDONLY_OR_NULL] = is_readable,
	[ARG_PTR_TO_MEM_WRITE] = is_writable,
	[ARG_PTR_TO_UNINIT_MEM] = is_writable,
	[ARG_PTR_TO_FIXED_SIZE_MEM] = is_fixed,
	[ARG_PTR_TO_FIXED_SIZE_MEM_WRITE] = is_fixed_writable,
	[ARG_PTR_TO_FIXED_SIZE_UNINIT_MEM] = is_fixed_writable,
	[ARG_CONST_SIZE] = is_size,
	[ARG_CONST_SIZE_OR_ZERO] = is_size_or_zero,
	[ARG_CONST_ALLOC_SIZE_OR_ZERO] = is_size_or_zero,
	[ARG_PTR_TO_CTX] = is_ctx,
	[ARG_PTR_TO_CTX_OR_NULL] = is_ctx_or_null,
	[ARG_PTR_TO_SPIN_LOCK] = is_lock,
	[ARG_PTR_TO_SOCK_COMMON] = is_object,
	[ARG_PTR_TO_SOCKET] = is_object,
	[ARG_PTR_TO_SOCKET_OR_NULL] = is_object_or_null,
	[ARG_PTR_TO_BTF_ID] = is_object,
	[ARG_PTR_TO_BTF_ID_OR_NULL] = is_object_or_null,
	[ARG_PTR_TO_BTF_ID_OR_NULL_RELEASE] = is_object_or_null,
	[ARG_PTR_TO_BTF_ID_SOCK_COMMON] = is_object,
	[ARG_PTR_TO_BTF_ID_SOCK_COMMON_OR_NULL] = is_object_or_null,
	[ARG_PTR_TO_BTF_ID_SOCK_COMMON_RELEASE] = is_object,
	[ARG_PTR_TO_PERCPU_BTF_ID] = is_present,
	[ARG_PTR_TO_STACK_OR_NULL] = is_stack_or_null,
	[ARG_PTR_TO_CONST_STR] = is_string,
	[ARG_PTR_TO_TIMER] = is_timer,
	[ARG_KPTR_XCHG_DEST] = is_kptr,
	[ARG_PTR_TO_DYNPTR_RINGBUF_RELEASE] = NULL,
};

static bool misfit(const struct arg *a)
{
	enum spec_arg kind = a->helper->args[a->i];
	bool sized = strstr(spec_arg_name(kind), "MEM") && !a->helper->fixed_size[a->i] && a->i < 4;

	if (a->run->err)
		return false;
	if (sized)
		vm_fault(a->run, "bpf_%s: argument %d must be %s of %llu bytes, it is %#llx",
			 a->helper->name, a->i + 1, spec_arg_text(kind),
			 (unsigned long long)a->args[a->i + 1], (unsigned long long)value_of(a));
	else
		vm_fault(a->run, "bpf_%s: argument %d must be %s, it is %#llx", a->helper->name,
			 a->i + 1, spec_arg_text(kind), (unsigned long long)value_of(a));
	return false;
}

/* --- programs -------------------------------------------------------------------------------- */

static u64 types_of[SPEC_NR_HELPERS]; /* bits of program types */

static void fill_types(void)
{
	for (u32 id = 1; id < SPEC_NR_HELPERS; id++)
		for (u32 type = 0; type < SPEC_NR_PROG_TYPES; type++)
			types_of[id] |= (u64)spec_helper_allowed(id, type) << type;
}

/*
 * Linux refuses a program that may call what its type or license does not have. Which calls are
 * ever reached only its verifier knows, so here the call itself is the fault. A program of no type
 * may call anything.
 */
static bool may_call(struct vm_run *run, const struct spec_helper *h)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct prog *prog = vm_prog_source(run->prog);

	pthread_once(&once, fill_types);
	if (prog->type && prog->type < 64 && !(types_of[h->id] >> prog->type & 1)) {
		vm_fault(run, "program of this type cannot use helper bpf_%s#%u", h->name, h->id);
		return false;
	}
	if (h->gpl_only && prog->type && !prog_is_gpl(prog)) {
		vm_fault(run,
			 "bpf_%s: cannot call GPL-restricted function from non-GPL compatible "
			 "program",
			 h->name);
		return false;
	}
	return true;
}

bool guard_args(struct vm_run *run, const struct spec_helper *h, const u64 args[5])
{
	struct arg a = {run, h, args, 0, NULL};

	if (!may_call(run, h))
		return false;
	for (; a.i < 5 && h->args[a.i] != ARG_NONE; a.i++) {
		bool (*fits)(struct arg *) = kinds[h->args[a.i]];

		if (fits && !fits(&a))
			return misfit(&a);
	}
	return true;
}
