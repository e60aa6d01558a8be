/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which map may be given to which helper: some maps know few helpers, some helpers few maps. */
#include "verifier/helper.h"

#define MAX_LIST 8

static const struct {
	u32 map;
	u16 funcs[MAX_LIST];
} maps[] = {
#define H(name) SPEC_HELPER_##name
	{SPEC_MAP_PROG_ARRAY, {H(tail_call)}},
	{SPEC_MAP_PERF_EVENT_ARRAY,
	 {H(perf_event_read), H(perf_event_output), H(skb_output), H(perf_event_read_value),
	  H(xdp_output)}},
	{SPEC_MAP_RINGBUF,
	 {H(ringbuf_output), H(ringbuf_reserve), H(ringbuf_query), H(ringbuf_reserve_dynptr),
	  H(ringbuf_submit_dynptr), H(ringbuf_discard_dynptr)}},
	{SPEC_MAP_USER_RINGBUF, {H(user_ringbuf_drain)}},
	{SPEC_MAP_STACK_TRACE, {H(get_stackid)}},
	{SPEC_MAP_CGROUP_ARRAY, {H(skb_under_cgroup), H(current_task_under_cgroup)}},
	{SPEC_MAP_CGROUP_STORAGE, {H(get_local_storage)}},
	{SPEC_MAP_PERCPU_CGROUP_STORAGE, {H(get_local_storage)}},
	{SPEC_MAP_DEVMAP, {H(redirect_map), H(map_lookup_elem)}},
	{SPEC_MAP_DEVMAP_HASH, {H(redirect_map), H(map_lookup_elem)}},
	{SPEC_MAP_CPUMAP, {H(redirect_map)}},
	{SPEC_MAP_XSKMAP, {H(redirect_map), H(map_lookup_elem)}},
	{SPEC_MAP_ARRAY_OF_MAPS, {H(map_lookup_elem)}},
	{SPEC_MAP_HASH_OF_MAPS, {H(map_lookup_elem)}},
	{SPEC_MAP_SOCKMAP,
	 {H(sk_redirect_map), H(sock_map_update), H(msg_redirect_map), H(sk_select_reuseport),
	  H(map_lookup_elem)}},
	{SPEC_MAP_SOCKHASH,
	 {H(sk_redirect_hash), H(sock_hash_update), H(msg_redirect_hash), H(sk_select_reuseport),
	  H(map_lookup_elem)}},
	{SPEC_MAP_REUSEPORT_SOCKARRAY, {H(sk_select_reuseport)}},
	{SPEC_MAP_QUEUE, {H(map_peek_elem), H(map_pop_elem), H(map_push_elem)}},
	{SPEC_MAP_STACK, {H(map_peek_elem), H(map_pop_elem), H(map_push_elem)}},
	{SPEC_MAP_SK_STORAGE, {H(sk_storage_get), H(sk_storage_delete), H(kptr_xchg)}},
	{SPEC_MAP_INODE_STORAGE, {H(inode_storage_get), H(inode_storage_delete), H(kptr_xchg)}},
	{SPEC_MAP_TASK_STORAGE, {H(task_storage_get), H(task_storage_delete), H(kptr_xchg)}},
	{SPEC_MAP_CGRP_STORAGE, {H(cgrp_storage_get), H(cgrp_storage_delete), H(kptr_xchg)}},
	{SPEC_MAP_BLOOM_FILTER, {H(map_peek_elem), H(map_push_elem)}},
};

static const struct {
	u16 func;
	u8 maps[MAX_LIST];
} funcs[] = {
#define M(name) SPEC_MAP_##name
	{H(tail_call), {M(PROG_ARRAY)}},
	{H(perf_event_read), {M(PERF_EVENT_ARRAY)}},
	{H(perf_event_output), {M(PERF_EVENT_ARRAY)}},
	{H(perf_event_read_value), {M(PERF_EVENT_ARRAY)}},
	{H(skb_output), {M(PERF_EVENT_ARRAY)}},
	{H(xdp_output), {M(PERF_EVENT_ARRAY)}},
	{H(ringbuf_output), {M(RINGBUF)}},
	{H(ringbuf_reserve), {M(RINGBUF)}},
	{H(ringbuf_query), {M(RINGBUF)}},
	{H(ringbuf_reserve_dynptr), {M(RINGBUF)}},
	{H(ringbuf_submit_dynptr), {M(RINGBUF)}},
	{H(ringbuf_discard_dynptr), {M(RINGBUF)}},
	{H(user_ringbuf_drain), {M(USER_RINGBUF)}},
	{H(get_stackid), {M(STACK_TRACE)}},
	{H(current_task_under_cgroup), {M(CGROUP_ARRAY)}},
	{H(skb_under_cgroup), {M(CGROUP_ARRAY)}},
	{H(redirect_map), {M(DEVMAP), M(DEVMAP_HASH), M(CPUMAP), M(XSKMAP)}},
	{H(sk_redirect_map), {M(SOCKMAP)}},
	{H(msg_redirect_map), {M(SOCKMAP)}},
	{H(sock_map_update), {M(SOCKMAP)}},
	{H(sk_redirect_hash), {M(SOCKHASH)}},
	{H(msg_redirect_hash), {M(SOCKHASH)}},
	{H(sock_hash_update), {M(SOCKHASH)}},
	{H(get_local_storage), {M(CGROUP_STORAGE), M(PERCPU_CGROUP_STORAGE)}},
	{H(sk_select_reuseport), {M(REUSEPORT_SOCKARRAY), M(SOCKMAP), M(SOCKHASH)}},
	{H(map_pop_elem), {M(QUEUE), M(STACK)}},
	{H(map_peek_elem), {M(QUEUE), M(STACK), M(BLOOM_FILTER)}},
	{H(map_push_elem), {M(QUEUE), M(STACK), M(BLOOM_FILTER)}},
	{H(map_lookup_percpu_elem), {M(PERCPU_ARRAY), M(PERCPU_HASH), M(LRU_PERCPU_HASH)}},
	{H(sk_storage_get), {M(SK_STORAGE)}},
	{H(sk_storage_delete), {M(SK_STORAGE)}},
	{H(inode_storage_get), {M(INODE_STORAGE)}},
	{H(inode_storage_delete), {M(INODE_STORAGE)}},
	{H(task_storage_get), {M(TASK_STORAGE)}},
	{H(task_storage_delete), {M(TASK_STORAGE)}},
	{H(cgrp_storage_get), {M(CGRP_STORAGE)}},
	{H(cgrp_storage_delete), {M(CGRP_STORAGE)}},
};

/* Sockets may be put into a sockmap, or taken out, where no lock of a socket can be held. */
static bool may_update_sockmap(struct env *env, u32 func)
{
	if (func != H(map_update_elem) && func != H(map_delete_elem))
		return false;
	switch (env->prog_type) {
	case SPEC_PROG_TRACING:
		if (env->attach_type == SPEC_ATTACH_TRACE_ITER)
			return true;
		break;
	case SPEC_PROG_SOCK_OPS:
		if (func == H(map_delete_elem))
			return true;
		break;
	case SPEC_PROG_SOCKET_FILTER:
	case SPEC_PROG_SCHED_CLS:
	case SPEC_PROG_SCHED_ACT:
	case SPEC_PROG_XDP:
	case SPEC_PROG_SK_REUSEPORT:
	case SPEC_PROG_FLOW_DISSECTOR:
	case SPEC_PROG_SK_LOOKUP:
		return true;
	default:
		break;
	}
	log_text(env, "cannot update sockmap in this context\n");
	return false;
}

static bool map_takes(struct env *env, u32 map, u32 func)
{
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		if (maps[i].map != map)
			continue;
		for (int j = 0; j < MAX_LIST; j++)
			if (maps[i].funcs[j] == func)
				return true;
		return (map == SPEC_MAP_SOCKMAP || map == SPEC_MAP_SOCKHASH) &&
		       may_update_sockmap(env, func);
	}
	return true;
}

static bool func_takes(u32 func, u32 map)
{
	for (size_t i = 0; i < ARRAY_SIZE(funcs); i++) {
		if (funcs[i].func != func)
			continue;
		for (int j = 0; j < MAX_LIST; j++)
			if (funcs[i].maps[j] == map)
				return true;
		return false;
	}
	return true;
}

int compat_check(struct env *env, const struct vmap *map, u32 func)
{
	u32 type;

	if (!map)
		return 0;
	type = map->def->type;
	if (map_takes(env, type, func) && func_takes(func, type))
		return 0;
	return reject_map_helper(env, type, spec_helper(func)->name, func);
}
