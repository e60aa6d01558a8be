/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is attached. A link is a descriptor: Linux detaches when it is closed, and closes it however
 * we end. So nothing stays behind that is held here and only here.
 */
#include "base/mem.h"
#include "engine/kernel.h"
#include <unistd.h>

static void close_link(struct kernel_link *l)
{
	if (l->bpf)
		bpf_link__destroy(l->bpf);
	else if (l->fd >= 0)
		close(l->fd);
	mem_free(l->where);
}

int kernel_link_add(struct kernel_engine *k, struct kernel_link link, struct skep_diag *diag)
{
	struct kernel_link *l = VEC_PUSH(&k->links);

	if (!l) {
		close_link(&link);
		return diag_nomem(diag);
	}
	*l = link;
	return 0;
}

void kernel_links_close(struct kernel_engine *k)
{
	while (k->links.nr)
		close_link(&k->links.data[--k->links.nr]);
	VEC_DONE(&k->links);
}
