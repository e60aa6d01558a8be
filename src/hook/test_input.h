/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the test provider is given: bytes, and what a context of a program type looks like. */
#ifndef HOOK_TEST_INPUT_H
#define HOOK_TEST_INPUT_H

#include "hook/pcap.h"

#define TEST_CTX_MAX 65535 /* what BPF_PROG_TEST_RUN takes of syscall programs */

/* "hex:0011 aa:bb", else the name of a file. *ret is the caller's to mem_free. */
int test_input(const char *what, size_t max, u8 **ret, size_t *ret_size, struct skep_diag *diag);

/* How the context of a program type is made. */
enum test_shape {
	TEST_RAW,     /* the bytes as they are */
	TEST_PACKET,  /* xdp_md or __sk_buff, built around a packet */
	TEST_FLOW,    /* a packet; the context's bytes are bpf_flow_keys */
	TEST_DATA64,  /* the context has pointers of 64 bits to the packet's bytes */
	TEST_SKIPPED, /* cannot run alone */
};

struct test_type {
	u32 prog_type;
	enum test_shape shape;
	u32 min_size; /* shorter contexts are filled up with zeros */
	u32 max_size; /* longer ones are refused */
	u32 data_off; /* TEST_DATA64: where the two pointers stand */
	const char *what;
};

const struct test_type *test_type_of(u32 prog_type); /* never NULL */

/* A __sk_buff or xdp_md that the user gives may set the fields that BPF_PROG_TEST_RUN lets be set.
 */
int test_skb_fields(struct pcap_ctx *c, const u8 *bytes, size_t size, struct skep_diag *diag);
int test_xdp_fields(struct pcap_ctx *c, const u8 *bytes, size_t size, struct skep_diag *diag);

#endif
