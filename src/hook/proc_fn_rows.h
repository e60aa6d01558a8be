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
FN_STEP(proc_enter_tcp_transfer);
FN_STEP(proc_enter_udp_transfer);
FN_STEP(proc_enter_cleanup_rbuf);
FN_STEP(proc_state_syn_sent);
FN_STEP(proc_state_connected);
FN_STEP(proc_state_accepted);
FN_STEP(proc_state_listening);
FN_STEP(proc_state_closing);

/* proc_path.c */
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
FN_STEP(proc_enter_closed_file);
FN_STEP(proc_enter_vfs_unlink);
FN_STEP(proc_enter_vfs_rmdir);
FN_STEP(proc_enter_vfs_mkdir);
FN_STEP(proc_enter_vfs_create);
FN_STEP(proc_enter_vfs_statx);

#endif
