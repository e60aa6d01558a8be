/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Stands in until helper_net.c and kfunc_net.c have the real tables, which replace these. */
#include "vm/run.h"

__attribute__((weak)) const struct vm_helper helpers_net[] = {
	{0, NULL},
};
__attribute__((weak)) const struct vm_kfunc kfuncs_net[] = {
	{NULL, NULL},
};

/* Likewise until the maps are there. */
__attribute__((weak)) struct map *map_get(struct map *map)
{
	return map;
}

__attribute__((weak)) void map_put(struct map *map)
{
}

__attribute__((weak)) void map_read_lock(void)
{
}

__attribute__((weak)) void map_read_unlock(void)
{
}

__attribute__((weak)) void *map_prog_get(struct map *map, u32 idx)
{
	return NULL;
}
