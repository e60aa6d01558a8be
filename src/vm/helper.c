/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The helpers of all files in one table by number, and why the others are not there.
 *
 * The table is filled once, from the rows of each file; a later file's row replaces an earlier
 * one's. A program that calls a helper without a row is turned away when it is loaded, by name and
 * with a reason (helper_why.c).
 */
#include "spec/spec.h"
#include "vm/run.h"
#include "vm/why.h"
#include <pthread.h>
#include <string.h>

static vm_helper_fn by_id[SPEC_NR_HELPERS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct vm_helper *const helper_files[] = {
	helpers_map, helpers_task, helpers_mem,   helpers_str,    helpers_ring, helpers_trace,
	helpers_seq, helpers_loop, helpers_timer, helpers_dynptr, helpers_obj,  helpers_net,
};

static const struct vm_kfunc *const kfunc_files[] = {kfuncs_common, kfuncs_dynptr, kfuncs_timer,
						     kfuncs_obj,    kfuncs_object, kfuncs_cpumask,
						     kfuncs_task,   kfuncs_net};

static void fill(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(helper_files); i++)
		for (const struct vm_helper *h = helper_files[i]; h->id; h++)
			if (h->id < SPEC_NR_HELPERS)
				by_id[h->id] = h->fn;
}

vm_helper_fn vm_helper_find(u32 id, const char **ret_why)
{
	vm_helper_fn fn;

	pthread_once(&once, fill);
	fn = id < SPEC_NR_HELPERS ? by_id[id] : NULL;
	if (!fn && ret_why)
		*ret_why = why_no_helper(id);
	return fn;
}

vm_helper_fn vm_kfunc_find(const char *name, const char **ret_why)
{
	for (size_t i = 0; i < ARRAY_SIZE(kfunc_files); i++)
		for (const struct vm_kfunc *k = kfunc_files[i]; k->name; k++)
			if (!strcmp(k->name, name))
				return k->fn;
	if (ret_why)
		*ret_why = why_no_kfunc(name);
	return NULL;
}
