/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Captures of any bytes, and helpers with any numbers. The first 64 bytes choose the program: four
 * calls of packet helpers with arguments from the input; the rest is the capture. Bounds that are
 * wrong show as overflows under the sanitizer.
 */
#include "base/mem.h"
#include "hook/hook.h"
#include "spec/uapi.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NR_CALLS  4
#define CALL_SIZE 15
#define CHOICE    64

/* What each argument from r2 on is: a number, memory on the stack, its size. */
static const struct {
	u8 id;
	const char *args;
} calls[] = {
	{BPF_FUNC_skb_load_bytes, "nms"},     {BPF_FUNC_skb_load_bytes_relative, "nmsn"},
	{BPF_FUNC_skb_store_bytes, "nmsn"},   {BPF_FUNC_skb_pull_data, "n"},
	{BPF_FUNC_l3_csum_replace, "nnnn"},   {BPF_FUNC_l4_csum_replace, "nnnn"},
	{BPF_FUNC_skb_vlan_push, "nn"},       {BPF_FUNC_skb_vlan_pop, ""},
	{BPF_FUNC_skb_change_proto, "nn"},    {BPF_FUNC_skb_change_type, "n"},
	{BPF_FUNC_skb_change_tail, "nn"},     {BPF_FUNC_skb_change_head, "nn"},
	{BPF_FUNC_skb_adjust_room, "nnn"},    {BPF_FUNC_get_hash_recalc, ""},
	{BPF_FUNC_clone_redirect, "nn"},      {BPF_FUNC_xdp_adjust_head, "n"},
	{BPF_FUNC_xdp_adjust_tail, "n"},      {BPF_FUNC_xdp_adjust_meta, "n"},
	{BPF_FUNC_xdp_load_bytes, "nms"},     {BPF_FUNC_xdp_store_bytes, "nms"},
	{BPF_FUNC_skb_set_tunnel_key, "msn"}, {BPF_FUNC_skb_get_tunnel_key, "msn"},
	{BPF_FUNC_skb_set_tunnel_opt, "ms"},  {BPF_FUNC_skb_get_tunnel_opt, "ms"},
	{BPF_FUNC_lwt_push_encap, "nms"},     {BPF_FUNC_lwt_seg6_store_bytes, "nms"},
	{BPF_FUNC_lwt_seg6_adjust_srh, "nn"}, {BPF_FUNC_lwt_seg6_action, "nms"},
	{BPF_FUNC_skb_ecn_set_ce, ""},        {BPF_FUNC_fib_lookup, "msn"},
	{BPF_FUNC_skb_get_xfrm_state, "nms"}, {BPF_FUNC_csum_level, "n"},
};

static const u32 types[] = {
	SPEC_PROG_XDP,        SPEC_PROG_SCHED_CLS,      SPEC_PROG_SOCKET_FILTER,
	SPEC_PROG_CGROUP_SKB, SPEC_PROG_FLOW_DISSECTOR, SPEC_PROG_LWT_XMIT,
	SPEC_PROG_LWT_IN,     SPEC_PROG_LWT_SEG6LOCAL,  SPEC_PROG_SK_LOOKUP,
};

#define I(c, d, s, o, i)                                                                           \
	(struct bpf_insn)                                                                          \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                \
	}

static struct bpf_insn *put_call(struct bpf_insn *at, const u8 *c)
{
	u32 which = c[0] % ARRAY_SIZE(calls), reg = 2, len;
	s32 num;

	*at++ = I(BPF_ALU64 | BPF_MOV | BPF_X, 1, 6, 0, 0);
	for (const char *a = calls[which].args; *a; a++, reg++) {
		memcpy(&num, c + 1 + (reg - 2) * 3, 4);
		len = c[13] % 64 + 1;
		if (c[14] & (1 << reg)) /* small numbers get further */
			num = (s8)num;
		if (*a == 'm') {
			*at++ = I(BPF_ALU64 | BPF_MOV | BPF_X, reg, 10, 0, 0);
			*at++ = I(BPF_ALU64 | BPF_ADD | BPF_K, reg, 0, 0, -64);
		} else {
			*at++ = I(BPF_ALU64 | BPF_MOV | BPF_K, reg, 0, 0,
				  *a == 's' ? (s32)len : num);
		}
	}
	*at++ = I(BPF_JMP | BPF_CALL, 0, 0, 0, calls[which].id);
	return at;
}

static u32 make_prog(struct bpf_insn *insns, const u8 *choice)
{
	struct bpf_insn *at = insns;

	*at++ = I(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0);
	for (int off = -64; off < 0; off += 8) {
		s32 word;

		memcpy(&word, choice + (off + 64) / 2, 4);
		*at++ = I(BPF_ST | BPF_MEM | BPF_DW, 10, 0, off, word);
	}
	for (u32 i = 0; i < NR_CALLS; i++)
		at = put_call(at, choice + 1 + i * CALL_SIZE);
	*at++ = I(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, choice[61] & 7);
	*at++ = I(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return at - insns;
}

static void run(const u8 *choice, const char *path)
{
	static const char *const fib[] = {"10.0.0.0/8 via 192.168.0.1 dev 2 dmac 02:00:00:00:00:09",
					  "2001::/16 dev 3", "blackhole 11.0.0.0/8", NULL};
	struct vm_opts vm_opts = {.max_insns = 1000};
	struct hook_opts opts = {.pcap_in = path, .pcap_out = "/dev/null", .fib = fib};
	struct bpf_insn insns[128];
	struct prog progs[2] = {{.name = "a", .section = "", .license = "GPL", .insns = insns}};
	struct hook_set *set = NULL;
	struct vm_prog *code;
	struct vm *vm = NULL;
	int err;

	progs[0].type = types[choice[0] % ARRAY_SIZE(types)];
	progs[0].nr_insns = make_prog(insns, choice);
	progs[1] = progs[0];
	progs[1].type = types[choice[62] % ARRAY_SIZE(types)];
	err = vm_new(NULL, 0, &vm_opts, &vm, NULL);
	err = err ?: hook_set_new(vm, NULL, &opts, &set, NULL);
	for (int i = 0; i < 2 && !err; i++) {
		err = vm_prog_new(vm, &progs[i], &code, NULL);
		err = err ?: hook_attach(set, &progs[i], code, NULL, NULL);
	}
	err = err ?: hook_start(set, NULL);
	while (!err && hook_poll(set, 0, NULL) > 0)
		;
	hook_set_free(set);
	vm_free(vm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	int fd;

	if (size < CHOICE)
		return 0;
	fd = memfd_create("capture", MFD_CLOEXEC);
	if (fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data + CHOICE, size - CHOICE) == (ssize_t)(size - CHOICE))
		run(data, path);
	close(fd);
	return 0;
}
