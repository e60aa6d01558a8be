/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The descriptors of a process: files_struct → fdt → fd[]. */
#ifndef MODEL_FDS_H
#define MODEL_FDS_H

#include "model/file.h"

/* Descriptors above are not shown. */
#define MODEL_MAX_FDS 1024

struct model_fds;

struct model_fds *model_fds_new(struct model *m, void *files_struct); /* NULL: out of memory */
struct model_fds *model_fds_free(struct model_fds *f);

/* As /proc/PID/fd says now. */
void model_fds_fill(struct model_fds *f, struct model_files *files, u32 pid);

#endif
