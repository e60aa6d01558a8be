/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Stands in until helper_net.c and kfunc_net.c have the real tables, which replace these. */
#include "vm/run.h"

__attribute__((weak)) const struct vm_helper helpers_net[] = {
	{0, NULL},
};
__attribute__((weak)) const struct vm_kfunc kfuncs_net[] = {
	{NULL, NULL},
};
__attribute__((weak)) void *storage_get(struct map *map, void *owner, const void *init, u64 flags,
					int *err)
{
	return NULL;
}
__attribute__((weak)) long storage_delete(struct map *map, void *owner)
{
	return -2;
}
__attribute__((weak)) long user_ringbuf_drain(struct map *map, map_drain_fn fn, void *ctx,
					      u64 flags)
{
	return -22;
}
__attribute__((weak)) long stack_map_put(struct map *map, const u64 *ips, u32 nr, u64 flags)
{
	return -14;
}
__attribute__((weak)) int map_target_get(struct map *map, const void *key, u64 *ret_target)
{
	return -2;
}
__attribute__((weak)) long map_push(struct map *map, const void *value, u64 flags)
{
	return -95;
}
