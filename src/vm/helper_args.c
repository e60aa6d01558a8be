/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Checks a helper's arguments against its row in spec/helpers.def before it is called. */
#include "spec/spec.h"
#include "vm/run.h"

bool guard_args(struct vm_run *run, const struct spec_helper *h, const u64 args[5])
{
	for (int i = 0; i < 5; i++)
		if (h->args[i] == ARG_CONST_MAP_PTR && !vm_is_map(run->vm, args[i])) {
			vm_fault(run, "bpf_%s: argument %d must be %s", h->name, i + 1,
				 spec_arg_text(h->args[i]));
			return false;
		}
	return true;
}
