/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which cgroup (v2) a process is in. */
#ifndef MODEL_CGROUP_H
#define MODEL_CGROUP_H

#include "base/types.h"

/* The id that bpf_get_current_cgroup_id gives: the inode under /sys/fs/cgroup. 1 (the root) where
 * it cannot be known. */
u64 model_cgroup_id(u32 pid);

#endif
