/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the rows of proc_fn_table.c are made of; enter and leave of struct proc_fn. */
#ifndef HOOK_PROC_FN_ROWS_H
#define HOOK_PROC_FN_ROWS_H

#include "hook/proc_fn.h"

#define FN_STEP(name) bool name(struct proc *p, struct proc_task *t, struct proc_call *call)

/* proc_sock.c */
FN_STEP(proc_enter_tcp_v4_connect);
FN_STEP(proc_enter_tcp_v6_connect);
FN_STEP(proc_leave_connect);
FN_STEP(proc_enter_tcp_connect);
FN_STEP(proc_enter_accept);
FN_STEP(proc_leave_accept);
FN_STEP(proc_enter_listen);
FN_STEP(proc_enter_inet_bind);
FN_STEP(proc_enter_inet6_bind);
FN_STEP(proc_enter_socket_addr);
FN_STEP(proc_leave_socket);
FN_STEP(proc_enter_tcp_close);
FN_STEP(proc_enter_tcp_shutdown);
FN_STEP(proc_enter_stream_connect);
FN_STEP(proc_enter_dgram_connect);
FN_STEP(proc_enter_unix_connect);
FN_STEP(proc_enter_inet_shutdown);
FN_STEP(proc_enter_tcp_transfer);
FN_STEP(proc_enter_udp_transfer);
FN_STEP(proc_enter_cleanup_rbuf);
FN_STEP(proc_state_syn_sent);
FN_STEP(proc_state_connected);
FN_STEP(proc_state_accepted);
FN_STEP(proc_state_listening);
FN_STEP(proc_state_closing);

/* proc_dir.c */
FN_STEP(proc_enter_two_names);
FN_STEP(proc_enter_symlinkat);
FN_STEP(proc_enter_user_path);
FN_STEP(proc_enter_as_given);
FN_STEP(proc_enter_vfs_mknod);
FN_STEP(proc_enter_vfs_symlink);
FN_STEP(proc_enter_vfs_link);
FN_STEP(proc_enter_vfs_rename);
FN_STEP(proc_enter_vfs_truncate);
FN_STEP(proc_enter_file_given);
FN_STEP(proc_enter_fs_iter);
FN_STEP(proc_enter_fs_open);
FN_STEP(proc_enter_fs_sync);
FN_STEP(proc_enter_fs_getattr);
FN_STEP(proc_enter_kernel_clone);
FN_STEP(proc_enter_group_exit);
FN_STEP(proc_enter_security_mmap);

/* proc_path.c */
/* A struct filename with the string that the user gave; NULL where that cannot be read. */
void *proc_filename(struct proc *p, struct proc_task *t, u64 uptr);
u32 proc_nr_leading(struct proc *p, const char *fn, u32 nr_own);
void proc_open_how(struct proc_task *t, u64 *flags, u64 *mode);
FN_STEP(proc_enter_dfd_filename);
FN_STEP(proc_enter_unlinkat);
FN_STEP(proc_enter_rmdir);
FN_STEP(proc_enter_openat2);
FN_STEP(proc_enter_open);
FN_STEP(proc_enter_vfs_io);
FN_STEP(proc_enter_vfs_fsync);
FN_STEP(proc_enter_vfs_open);
FN_STEP(proc_enter_file);
FN_STEP(proc_enter_opened_file);
FN_STEP(proc_enter_closed_file);
FN_STEP(proc_enter_vfs_unlink);
FN_STEP(proc_enter_vfs_rmdir);
FN_STEP(proc_enter_vfs_mkdir);
FN_STEP(proc_enter_vfs_create);
FN_STEP(proc_enter_vfs_statx);

#endif
