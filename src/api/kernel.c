/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* include/skep/kernel.h: what is in the running kernel. */
#include "api/api.h"
#include "base/diag.h"
#include "engine/kernel_objinsns.h"
#include "engine/kernel_objs.h"
#include <errno.h>
#include <string.h>

/* struct skep_kernel_list is never defined: the handle is the engine room's object. */
static struct kobj_list *inner(const struct skep_kernel_list *list)
{
	return (struct kobj_list *)list;
}

int skep_kernel_list_new(enum skep_kernel_kind kind, const struct skep_kernel_filter *filter,
			 struct skep_kernel_list **ret, struct skep_diag *diag)
{
	struct skep_kernel_filter f = {0};
	struct kobj_list *list;
	int err;

	if (kind > SKEP_KERNEL_BTF)
		return diag_set(diag, -EINVAL, "there is no such kind of object");
	if (filter)
		memcpy(&f, filter, min_u64(filter->sz, sizeof(f)));
	err = kobj_list_new(kind, &f, &list, diag);
	if (!err)
		*ret = (struct skep_kernel_list *)list;
	return err;
}

struct skep_kernel_list *skep_kernel_list_free(struct skep_kernel_list *list)
{
	kobj_list_free(inner(list));
	return NULL;
}

size_t skep_kernel_list_nr(const struct skep_kernel_list *list)
{
	return inner(list)->items.nr;
}

const struct skep_value *skep_kernel_list_get(const struct skep_kernel_list *list, size_t idx)
{
	const struct kobj_items *items = &inner(list)->items;

	return idx < items->nr ? &items->data[idx] : NULL;
}

const struct skep_value *skep_value_get(const struct skep_value *object, const char *name)
{
	return kobj_get(object, name);
}

int skep_kernel_prog_disasm(uint32_t id, enum skep_kernel_insns what, skep_write_fn write,
			    void *ctx, struct skep_diag *diag)
{
	return objinsns_print_id(id, what == SKEP_KERNEL_JITED, write, ctx, diag);
}

int skep_kernel_object_disasm(struct skep_object *obj, const char *prog,
			      enum skep_kernel_insns what, skep_write_fn write, void *ctx,
			      struct skep_diag *diag)
{
	int err = objinsns_print_object(obj->obj, prog, what == SKEP_KERNEL_JITED, write, ctx,
					diag);

	return err < 0 ? diag_at(diag, err, "%s", obj->obj->path) : err;
}
