/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * LSM hooks, told from system calls: programs of type LSM judge a call before it is made, kprobes
 * and fentry programs of security_… watch it.
 */
#ifndef HOOK_PROC_LSM_H
#define HOOK_PROC_LSM_H

#include "hook/proc_fn.h"

const struct proc_fn *proc_lsm_at(u32 idx);            /* all rows, then NULL */
const struct proc_fn *proc_lsm_find(const char *name); /* "file_open"; NULL: not served */

#define LSM_STEP(name) bool name(struct proc *p, struct proc_task *t, struct proc_call *call)

/* proc_lsm_args.c */
LSM_STEP(proc_lsm_file_open);
LSM_STEP(proc_lsm_inode_create);
LSM_STEP(proc_lsm_bprm);
LSM_STEP(proc_lsm_path_new);
LSM_STEP(proc_lsm_inode_new);
LSM_STEP(proc_lsm_path_symlink);
LSM_STEP(proc_lsm_inode_symlink);
LSM_STEP(proc_lsm_path_unlink);
LSM_STEP(proc_lsm_inode_unlink);
LSM_STEP(proc_lsm_path_rmdir);
LSM_STEP(proc_lsm_inode_rmdir);
LSM_STEP(proc_lsm_path_link);
LSM_STEP(proc_lsm_inode_link);
LSM_STEP(proc_lsm_path_rename);
LSM_STEP(proc_lsm_inode_rename);
LSM_STEP(proc_lsm_path_change);
LSM_STEP(proc_lsm_inode_getattr);
LSM_STEP(proc_lsm_file_permission);
LSM_STEP(proc_lsm_file_call);
LSM_STEP(proc_lsm_mmap_file);
LSM_STEP(proc_lsm_sb_mount);
LSM_STEP(proc_lsm_sb_umount);
LSM_STEP(proc_lsm_socket_create);
LSM_STEP(proc_lsm_socket_transfer);
LSM_STEP(proc_lsm_task_kill);
LSM_STEP(proc_lsm_task_setpgid);
LSM_STEP(proc_lsm_bpf);
LSM_STEP(proc_lsm_as_given);

#endif
