/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Facts of helpers that their prototypes in spec do not say. */
#include "verifier/helper.h"

enum { PKT = 1, CHANGES = 2, SYNC_CB = 4, ASYNC_CB = 8 };

static const struct {
	s32 func;
	u32 flags;
} facts[] = {
	{SPEC_HELPER_csum_diff, PKT},
	{SPEC_HELPER_map_delete_elem, PKT},
	{SPEC_HELPER_map_lookup_elem, PKT},
	{SPEC_HELPER_map_lookup_percpu_elem, PKT},
	{SPEC_HELPER_map_push_elem, PKT},
	{SPEC_HELPER_map_update_elem, PKT},
	{SPEC_HELPER_sk_lookup_tcp, PKT},
	{SPEC_HELPER_sk_lookup_udp, PKT},
	{SPEC_HELPER_skc_lookup_tcp, PKT},
	{SPEC_HELPER_sock_hash_update, PKT},
	{SPEC_HELPER_sock_map_update, PKT},
	{SPEC_HELPER_tcp_check_syncookie, PKT},
	{SPEC_HELPER_tcp_gen_syncookie, PKT},
	{SPEC_HELPER_tcp_raw_check_syncookie_ipv4, PKT},
	{SPEC_HELPER_tcp_raw_check_syncookie_ipv6, PKT},
	{SPEC_HELPER_tcp_raw_gen_syncookie_ipv4, PKT},
	{SPEC_HELPER_tcp_raw_gen_syncookie_ipv6, PKT},
	{SPEC_HELPER_clone_redirect, CHANGES},
	{SPEC_HELPER_l3_csum_replace, CHANGES},
	{SPEC_HELPER_l4_csum_replace, CHANGES},
	{SPEC_HELPER_lwt_push_encap, CHANGES},
	{SPEC_HELPER_lwt_seg6_action, CHANGES},
	{SPEC_HELPER_lwt_seg6_adjust_srh, CHANGES},
	{SPEC_HELPER_lwt_seg6_store_bytes, CHANGES},
	{SPEC_HELPER_msg_pop_data, CHANGES},
	{SPEC_HELPER_msg_pull_data, CHANGES},
	{SPEC_HELPER_msg_push_data, CHANGES},
	{SPEC_HELPER_skb_adjust_room, CHANGES},
	{SPEC_HELPER_skb_change_head, CHANGES},
	{SPEC_HELPER_skb_change_proto, CHANGES},
	{SPEC_HELPER_skb_change_tail, CHANGES},
	{SPEC_HELPER_skb_pull_data, CHANGES},
	{SPEC_HELPER_skb_store_bytes, CHANGES},
	{SPEC_HELPER_skb_vlan_pop, CHANGES},
	{SPEC_HELPER_skb_vlan_push, CHANGES},
	{SPEC_HELPER_store_hdr_opt, CHANGES},
	{SPEC_HELPER_xdp_adjust_head, CHANGES},
	{SPEC_HELPER_xdp_adjust_meta, CHANGES},
	{SPEC_HELPER_xdp_adjust_tail, CHANGES},
	{SPEC_HELPER_tail_call, CHANGES},
	{SPEC_HELPER_for_each_map_elem, SYNC_CB},
	{SPEC_HELPER_find_vma, SYNC_CB},
	{SPEC_HELPER_loop, SYNC_CB},
	{SPEC_HELPER_user_ringbuf_drain, SYNC_CB},
	{SPEC_HELPER_timer_set_callback, ASYNC_CB},
};

static u32 flags_of(s32 func)
{
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		if (facts[i].func == func)
			return facts[i].flags;
	return 0;
}

bool helper_changes_pkt(s32 func)
{
	return flags_of(func) & CHANGES;
}

bool helper_is_sync_callback(s32 func)
{
	return flags_of(func) & SYNC_CB;
}

bool helper_is_async_callback(s32 func)
{
	return flags_of(func) & ASYNC_CB;
}

bool helper_has_pkt_access(s32 func)
{
	return flags_of(func) & PKT;
}

static const struct {
	s32 func;
	u32 arg; /* 0: the return value */
	const char *type;
} btf_types[] = {
	{SPEC_HELPER_bprm_opts_set, 1, "linux_binprm"},
	{SPEC_HELPER_cgrp_storage_delete, 2, "cgroup"},
	{SPEC_HELPER_cgrp_storage_get, 2, "cgroup"},
	{SPEC_HELPER_copy_from_user_task, 4, "task_struct"},
	{SPEC_HELPER_d_path, 1, "path"},
	{SPEC_HELPER_find_vma, 1, "task_struct"},
	{SPEC_HELPER_get_current_task_btf, 0, "task_struct"},
	{SPEC_HELPER_get_task_stack, 1, "task_struct"},
	{SPEC_HELPER_ima_file_hash, 1, "file"},
	{SPEC_HELPER_ima_inode_hash, 1, "inode"},
	{SPEC_HELPER_inode_storage_delete, 2, "inode"},
	{SPEC_HELPER_inode_storage_get, 2, "inode"},
	{SPEC_HELPER_seq_printf, 1, "seq_file"},
	{SPEC_HELPER_seq_printf_btf, 1, "seq_file"},
	{SPEC_HELPER_seq_write, 1, "seq_file"},
	{SPEC_HELPER_skb_output, 1, "sk_buff"},
	{SPEC_HELPER_skc_to_mptcp_sock, 0, "mptcp_sock"},
	{SPEC_HELPER_skc_to_tcp6_sock, 0, "tcp6_sock"},
	{SPEC_HELPER_skc_to_tcp_request_sock, 0, "tcp_request_sock"},
	{SPEC_HELPER_skc_to_tcp_sock, 0, "tcp_sock"},
	{SPEC_HELPER_skc_to_tcp_timewait_sock, 0, "tcp_timewait_sock"},
	{SPEC_HELPER_skc_to_udp6_sock, 0, "udp6_sock"},
	{SPEC_HELPER_skc_to_unix_sock, 0, "unix_sock"},
	{SPEC_HELPER_sk_storage_delete, 2, "sock_common"},
	{SPEC_HELPER_sk_storage_get, 2, "sock_common"},
	{SPEC_HELPER_sock_from_file, 1, "file"},
	{SPEC_HELPER_sock_from_file, 0, "socket"},
	{SPEC_HELPER_task_pt_regs, 1, "task_struct"},
	{SPEC_HELPER_task_pt_regs, 0, "pt_regs"},
	{SPEC_HELPER_task_storage_delete, 2, "task_struct"},
	{SPEC_HELPER_task_storage_get, 2, "task_struct"},
	{SPEC_HELPER_tcp_send_ack, 1, "tcp_sock"},
	{SPEC_HELPER_xdp_get_buff_len, 1, "xdp_buff"},
	{SPEC_HELPER_xdp_output, 1, "xdp_buff"},
};

static const char *type_of(s32 func, u32 arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(btf_types); i++)
		if (btf_types[i].func == func && btf_types[i].arg == arg)
			return btf_types[i].type;
	return NULL;
}

const char *helper_btf_arg(const struct env *env, s32 func, u32 arg)
{
	return type_of(func, arg + 1);
}

const char *helper_btf_ret(s32 func)
{
	return type_of(func, 0);
}

static bool is_tracing(const struct env *env)
{
	return env->prog_type == SPEC_PROG_TRACING || env->prog_type == SPEC_PROG_LSM ||
	       env->prog_type == SPEC_PROG_STRUCT_OPS || env->prog_type == SPEC_PROG_SYSCALL;
}

/* Where the program's context is no socket or packet, the object itself is passed. */
enum spec_arg args_kind(const struct env *env, const struct spec_helper *h, u32 arg)
{
	enum spec_arg kind = h->args[arg];
	u32 t = env->prog_type;

	switch (h->id) {
	case SPEC_HELPER_get_socket_cookie:
		if (!arg && is_tracing(env))
			return ARG_PTR_TO_BTF_ID_SOCK_COMMON_OR_NULL;
		break;
	case SPEC_HELPER_setsockopt:
	case SPEC_HELPER_getsockopt:
		if (!arg && (t == SPEC_PROG_LSM || t == SPEC_PROG_CGROUP_SOCKOPT))
			return ARG_PTR_TO_BTF_ID_SOCK_COMMON;
		if (!arg && t == SPEC_PROG_STRUCT_OPS)
			return ARG_PTR_TO_BTF_ID_SOCK_COMMON;
		if (!arg && t == SPEC_PROG_TRACING)
			return ARG_PTR_TO_BTF_ID_SOCK_COMMON;
		break;
	case SPEC_HELPER_xdp_get_buff_len:
		if (!arg && t == SPEC_PROG_TRACING)
			return ARG_PTR_TO_BTF_ID;
		break;
	case SPEC_HELPER_skb_output:
	case SPEC_HELPER_xdp_output:
		if (!arg)
			return ARG_PTR_TO_BTF_ID;
		break;
	case SPEC_HELPER_sk_storage_get:
	case SPEC_HELPER_sk_storage_delete:
		if (arg == 1 && t == SPEC_PROG_CGROUP_SOCK)
			return ARG_PTR_TO_CTX;
		if (arg == 1 && t == SPEC_PROG_TRACING)
			return ARG_PTR_TO_BTF_ID_OR_NULL;
		break;
	default:
		break;
	}
	return kind;
}
