/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Everything that hangs on a cgroup, beside what others attached there. */
#include "engine/kernel.h"
#include "spec/uapi.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static int attach(struct kernel_engine *k, struct kernel_prog *p, u32 type, struct skep_diag *diag)
{
	const char *path = k->opts.target.cgroup;
	int cgroup = kernel_cgroup_open(path, diag), fd;
	struct sys_link attr = {
		.prog_fd = (u32)bpf_program__fd(p->bpf),
		.target_fd = (u32)cgroup,
		.attach_type = type,
	};

	if (cgroup < 0)
		return cgroup;
	fd = kernel_make_room(k, cgroup, type, path, diag);
	fd = fd ? fd : sys_link_create(&attr);
	if (fd == -EPERM || fd == -EBUSY) /* one that was attached alone, here or above */
		kernel_tell_query(diag, fd, cgroup, type, path);
	close(cgroup);
	return kernel_attached_fd(k, p, fd, diag, "cgroup %s", path);
}

int kernel_attach_cgroup(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	return attach(k, p, p->kind->arg, diag);
}

int kernel_attach_cgroup_skb(struct kernel_engine *k, struct kernel_prog *p, struct skep_diag *diag)
{
	const char *d = k->opts.target.direction;

	if (!strcmp(d, "ingress"))
		return attach(k, p, SPEC_ATTACH_CGROUP_INET_INGRESS, diag);
	if (!strcmp(d, "egress"))
		return attach(k, p, SPEC_ATTACH_CGROUP_INET_EGRESS, diag);
	return diag_set_full(diag, -EINVAL, "needs-target", NULL,
			     "--direction %s: it takes ingress or egress", d);
}
