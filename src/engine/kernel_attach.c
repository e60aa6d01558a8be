/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Attaching: each program to where its section says, in the object's order. */
#include "base/log.h"
#include "engine/kernel.h"
#include <errno.h>
#include <string.h>

static int attach_one(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	struct bpf_link *link;
	int err;

	kernel_log_begin();
	link = bpf_program__attach(p->bpf);
	if (link)
		return kernel_link_add(k, p, link, diag);
	err = -errno;
	return diag_set(diag, err, "can't be attached: %s",
			*kernel_log_first() ? kernel_log_first() : strerror(-err));
}

int kernel_attach(struct kernel_engine *k, struct skep_diag *diag)
{
	for (u32 i = 0; i < k->nr_progs; i++) {
		struct kernel_prog *p = &k->progs[i];
		int err = p->is_target ? 0 : attach_one(k, p, diag);

		if (err)
			return diag_at(diag, err, "program %s, SEC(\"%s\")", p->prog->name,
				       p->prog->section);
	}
	return 0;
}
