/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tasks of the model kernel: task_struct and what hangs on it (mm, cred, nsproxy, files, fs,
 * signal, pids, css_set), filled from /proc. Ids are those of our own pid namespace.
 */
#ifndef MODEL_TASK_H
#define MODEL_TASK_H

#include "model/file.h"

struct model_tasks;

int model_tasks_new(struct model *m, struct model_tasks **ret, struct skep_diag *diag);
struct model_tasks *model_tasks_free(struct model_tasks *ts); /* NULL is fine; returns NULL */

/* The task_struct of a thread, made from /proc when first asked for; NULL: there is none. */
void *model_task_get(struct model_tasks *ts, u32 tid);
void *model_task_find(struct model_tasks *ts, u32 tid); /* only what was made before */

/* What changes; all do nothing for a task that was not made. */
void model_task_born(struct model_tasks *ts, u32 tid, u64 mono_ns, u64 boot_ns);
void model_task_set_comm(struct model_tasks *ts, u32 tid, const char comm[16]);
void model_task_set_exit_code(struct model_tasks *ts, u32 tid, u32 code);
void model_task_changed(struct model_tasks *ts, u32 tid);  /* credentials, namespaces, cwd */
void model_task_fill_fds(struct model_tasks *ts, u32 tid); /* files->fdt->fd as of now */
/* The process has a new image; old_tid is the thread that called execve. */
void model_task_execed(struct model_tasks *ts, u32 tid, u32 old_tid);
/* It is gone. The objects stay readable until MODEL_NR_DEAD others have died too; then gone() is
 * told their task_struct's address. */
void model_task_exited(struct model_tasks *ts, u32 tid);
void model_tasks_on_gone(struct model_tasks *ts, void (*gone)(void *kobj));
#define MODEL_NR_DEAD 64

struct model_files *model_tasks_files(struct model_tasks *ts);
void *model_task_net(struct model_tasks *ts, u32 tid); /* struct net that it is in */

#endif
