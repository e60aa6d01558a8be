/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Names for what Linux 6.18 knows of eBPF, whatever <linux/bpf.h> this is built against (Debian
 * 12's is that of 6.1).
 *
 * Enumerators cannot be tested for with #ifdef, so everything here has a name of its own: program,
 * attach and map types come from the tables beside this file as SPEC_PROG_XDP, SPEC_ATTACH_XDP,
 * SPEC_MAP_HASH, all of them, old ones too; of flags and other numbers, those that 6.1 lacks are
 * SPEC_*. Where 6.1 and newer headers agree that a name is a macro, the macro is supplied.
 */
#ifndef SPEC_UAPI_H
#define SPEC_UAPI_H

#include <linux/bpf.h>

enum spec_prog_type {
#define PROG_TYPE(value, name, text) SPEC_PROG_##name = value,
#include "spec/prog_types.def"
#undef PROG_TYPE
	SPEC_NR_PROG_TYPES
};

enum spec_attach_type {
#define ATTACH_TYPE(value, name, text) SPEC_ATTACH_##name = value,
#include "spec/attach_types.def"
#undef ATTACH_TYPE
	SPEC_NR_ATTACH_TYPES,
	SPEC_ATTACH_NONE = 0 /* what is passed where a program type has no attach types */
};

enum spec_map_type {
#define MAP_TYPE(value, name, text) SPEC_MAP_##name = value,
#include "spec/map_types.def"
#undef MAP_TYPE
	SPEC_NR_MAP_TYPES
};

/* Instructions. */
#ifndef BPF_MEMSX
#define BPF_MEMSX 0x80 /* ldx: load with sign extension */
#endif
#ifndef BPF_JCOND
#define BPF_JCOND 0xe0 /* jmp: may_goto and kin */
#endif
#ifndef BPF_LOAD_ACQ
#define BPF_LOAD_ACQ 0x100 /* atomic: imm of load-acquire */
#endif
#ifndef BPF_STORE_REL
#define BPF_STORE_REL 0x110 /* atomic: imm of store-release */
#endif

enum {
	SPEC_MAY_GOTO = 0,        /* jcond, src_reg */
	SPEC_ADDR_SPACE_CAST = 1, /* mov64 reg, off */

	/* src_reg of ld_imm64 */
	SPEC_PSEUDO_MAP_FD = 1,
	SPEC_PSEUDO_MAP_VALUE = 2,
	SPEC_PSEUDO_BTF_ID = 3,
	SPEC_PSEUDO_FUNC = 4,
	SPEC_PSEUDO_MAP_IDX = 5,
	SPEC_PSEUDO_MAP_IDX_VALUE = 6,
	/* src_reg of call */
	SPEC_PSEUDO_CALL = 1,
	SPEC_PSEUDO_KFUNC_CALL = 2,

	/* Loading a program. */
	SPEC_F_STRICT_ALIGNMENT = 1 << 0,
	SPEC_F_ANY_ALIGNMENT = 1 << 1,
	SPEC_F_TEST_RND_HI32 = 1 << 2,
	SPEC_F_TEST_STATE_FREQ = 1 << 3,
	SPEC_F_SLEEPABLE = 1 << 4,
	SPEC_F_XDP_HAS_FRAGS = 1 << 5,
	SPEC_F_XDP_DEV_BOUND_ONLY = 1 << 6,
	SPEC_F_TEST_REG_INVARIANTS = 1 << 7,

	/* Creating a map. */
	SPEC_F_NO_PREALLOC = 1 << 0,
	SPEC_F_NO_COMMON_LRU = 1 << 1,
	SPEC_F_NUMA_NODE = 1 << 2,
	SPEC_F_RDONLY = 1 << 3,
	SPEC_F_WRONLY = 1 << 4,
	SPEC_F_STACK_BUILD_ID = 1 << 5,
	SPEC_F_ZERO_SEED = 1 << 6,
	SPEC_F_RDONLY_PROG = 1 << 7,
	SPEC_F_WRONLY_PROG = 1 << 8,
	SPEC_F_CLONE = 1 << 9,
	SPEC_F_MMAPABLE = 1 << 10,
	SPEC_F_PRESERVE_ELEMS = 1 << 11,
	SPEC_F_INNER_MAP = 1 << 12,
	SPEC_F_LINK = 1 << 13,
	SPEC_F_PATH_FD = 1 << 14,
	SPEC_F_VTYPE_BTF_OBJ_FD = 1 << 15,
	SPEC_F_TOKEN_FD = 1 << 16,
	SPEC_F_SEGV_ON_FAULT = 1 << 17,
	SPEC_F_NO_USER_CONV = 1 << 18,

	/* Attaching. */
	SPEC_F_BEFORE = 1 << 3,
	SPEC_F_AFTER = 1 << 4,
	SPEC_F_ID = 1 << 5,
	SPEC_F_PREORDER = 1 << 6,
	SPEC_F_KPROBE_MULTI_RETURN = 1 << 0,
	SPEC_F_UPROBE_MULTI_RETURN = 1 << 0,
	SPEC_F_UPROBE_MULTI_PATH_FD = 1 << 1,
	SPEC_F_NETFILTER_IP_DEFRAG = 1 << 0,

	/* bpf_timer_start */
	SPEC_F_TIMER_ABS = 1 << 0,
	SPEC_F_TIMER_CPU_PIN = 1 << 1,

	/* bpf_copy_from_user_str and kin */
	SPEC_F_PAD_ZEROS = 1 << 0,

	/* bpf_fib_lookup */
	SPEC_FIB_LOOKUP_DIRECT = 1 << 0,
	SPEC_FIB_LOOKUP_OUTPUT = 1 << 1,
	SPEC_FIB_LOOKUP_SKIP_NEIGH = 1 << 2,
	SPEC_FIB_LOOKUP_TBID = 1 << 3,
	SPEC_FIB_LOOKUP_SRC = 1 << 4,
	SPEC_FIB_LOOKUP_MARK = 1 << 5,
	SPEC_FIB_LKUP_RET_NO_SRC_ADDR = 9,

	/* bpf_skb_adjust_room, bpf_skb_set_tunnel_key, bpf_skb_get_tunnel_key */
	SPEC_F_ADJ_ROOM_DECAP_L3_IPV4 = 1 << 7,
	SPEC_F_ADJ_ROOM_DECAP_L3_IPV6 = 1 << 8,
	SPEC_F_NO_TUNNEL_KEY = 1 << 4,
	SPEC_F_TUNINFO_FLAGS = 1 << 4,

	/* Numbers of a tcx program's verdict. */
	SPEC_TCX_NEXT = -1,
	SPEC_TCX_PASS = 0,
	SPEC_TCX_DROP = 2,
	SPEC_TCX_REDIRECT = 7,

	/* Fields of struct bpf_dynptr's kind, sizes of the opaque structs that programs hold. */
	SPEC_SIZEOF_TIMER = 16,
	SPEC_SIZEOF_WQ = 16,
	SPEC_SIZEOF_TASK_WORK = 8,
	SPEC_SIZEOF_SPIN_LOCK = 4,
	SPEC_SIZEOF_RES_SPIN_LOCK = 8,
	SPEC_SIZEOF_DYNPTR = 16,
	SPEC_SIZEOF_LIST_HEAD = 16,
	SPEC_SIZEOF_LIST_NODE = 24,
	SPEC_SIZEOF_RB_ROOT = 16,
	SPEC_SIZEOF_RB_NODE = 32,
	SPEC_SIZEOF_REFCOUNT = 4,
	SPEC_SIZEOF_ITER_NUM = 8,

	/* The highest helper id + 1; the list is closed. */
	SPEC_NR_HELPERS = 212,
};

#endif
