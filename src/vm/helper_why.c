/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Why a helper or kernel function is not there: what can mean nothing in user space, in words.
 * A program that calls one is refused when it is loaded.
 */
#include "spec/spec.h"
#include "vm/why.h"
#include <string.h>

#define NO_LOADER "it is for programs that load other programs"
#define NO_IMA    "there is no integrity subsystem in user space"
#define NO_REMOTE "there is no infrared receiver in user space"
#define NO_TCP    "connections are the kernel's, in user space there is none to act on"
#define NO_SYSCTL "there is no sysctl being read or written in user space"
#define NO_XFRM   "there are no IPsec states in user space"
#define NO_VMA    "the model kernel has no memory areas"

static const struct {
	u32 id;
	const char *why;
} helpers[] = {
	{SPEC_HELPER_sys_bpf, NO_LOADER},
	{SPEC_HELPER_sys_close, NO_LOADER},
	{SPEC_HELPER_kallsyms_lookup_name, NO_LOADER},
	{SPEC_HELPER_ima_inode_hash, NO_IMA},
	{SPEC_HELPER_ima_file_hash, NO_IMA},
	{SPEC_HELPER_bprm_opts_set, "the exec that it would change is the kernel's"},
	{SPEC_HELPER_rc_repeat, NO_REMOTE},
	{SPEC_HELPER_rc_keydown, NO_REMOTE},
	{SPEC_HELPER_rc_pointer_rel, NO_REMOTE},
	{SPEC_HELPER_tcp_send_ack, NO_TCP},
	{SPEC_HELPER_sysctl_get_name, NO_SYSCTL},
	{SPEC_HELPER_sysctl_get_current_value, NO_SYSCTL},
	{SPEC_HELPER_sysctl_get_new_value, NO_SYSCTL},
	{SPEC_HELPER_sysctl_set_new_value, NO_SYSCTL},
	{SPEC_HELPER_find_vma, NO_VMA},
	{SPEC_HELPER_override_return, "the calls of a traced command are watched, not changed"},
};

/* Kernel functions by what their names begin with; the first row that fits. */
static const struct {
	const char *prefix, *why;
} kfuncs[] = {
	{"bpf_arena_", "the user engine has no arenas"},
	{"bpf_crypto_", "it is the kernel's cryptography"},
	{"bpf_ct_", "there is no connection tracking in user space"},
	{"bpf_skb_ct_", "there is no connection tracking in user space"},
	{"bpf_xdp_ct_", "there is no connection tracking in user space"},
	{"bpf_xdp_flow_lookup", "there is no flow table in user space"},
	{"bpf_xdp_metadata_", "a packet of a capture has no such metadata"},
	{"bpf_xdp_get_xfrm_state", NO_XFRM},
	{"bpf_xdp_xfrm_state_release", NO_XFRM},
	{"bpf_key_", "keyrings are the kernel's"},
	{"bpf_lookup_", "keyrings are the kernel's"},
	{"bpf_verify_pkcs7_signature", "keyrings are the kernel's"},
	{"bpf_iter_task_vma_", NO_VMA},
	{"bpf_iter_css_", "the model kernel has no cgroup tree"},
	{"bpf_iter_dmabuf_", "dma-bufs are the kernel's"},
	{"bpf_iter_kmem_cache_", "slab caches are the kernel's"},
	{"bpf_get_kmem_cache", "slab caches are the kernel's"},
	{"bpf_cgroup_", "the model kernel has no cgroup tree"},
	{"bpf_task_get_cgroup1", "the model kernel has no cgroup tree"},
	{"bpf_task_under_cgroup", "the model kernel has no cgroup tree"},
	{"bpf_get_task_exe_file", "the model kernel does not know a task's file"},
	{"bpf_put_file", "the model kernel does not count references to files"},
	{"bpf_get_file_xattr", "extended attributes are the kernel's to read"},
	{"bpf_get_dentry_xattr", "extended attributes are the kernel's to read"},
	{"bpf_set_dentry_xattr", "extended attributes are the kernel's to write"},
	{"bpf_remove_dentry_xattr", "extended attributes are the kernel's to write"},
	{"bpf_sock_destroy", NO_TCP},
	{"bpf_sock_addr_set_sun_path", NO_TCP},
	{"bpf_sock_ops_enable_tx_tstamp", NO_TCP},
	{"bpf_sk_assign_tcp_reqsk", NO_TCP},
	{"tcp_", NO_TCP},
	{"cubictcp_", NO_TCP},
	{"bbr_", NO_TCP},
	{"css_rstat_", "the model kernel has no cgroup tree"},
	{"crash_kexec", "it ends the kernel"},
	{"bpf_fentry_test", "it is for the kernel's own tests"},
	{"bpf_modify_return_test", "it is for the kernel's own tests"},
	{"bpf_kfunc_call_", "it is for the kernel's own tests"},
	{"__bpf_trap", "it marks code that is never reached"},
	{"bpf_session_", "the user engine has no probe sessions"},
	{"bpf_stream_", "programs have no output streams here, bpf_printk is there"},
	{"bpf_task_work_", "there is no task to give work to"},
	{"hid_bpf_", "there are no HID devices in user space"},
	{"scx_bpf_", "tasks are scheduled by the kernel"},
	{"fou_", "there is no foo-over-UDP in user space"},
	{"bpf_skb_set_fou_encap", "there is no foo-over-UDP in user space"},
	{"bpf_skb_get_fou_encap", "there is no foo-over-UDP in user space"},
};

const char *why_no_helper(u32 id)
{
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		if (helpers[i].id == id)
			return helpers[i].why;
	return spec_helper(id) ? "the user engine does not have it yet"
			       : "Linux has no helper of this number";
}

const char *why_no_kfunc(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kfuncs); i++)
		if (!strncmp(name, kfuncs[i].prefix, strlen(kfuncs[i].prefix)))
			return kfuncs[i].why;
	return "the user engine does not have this kernel function";
}
