/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The table of probes, and those that only load or create: programs, maps, helpers, instructions.
 * What they make is gone when they return. bpf(2) is called directly: libbpf would try other ways,
 * and the first answer is the one we want.
 */
#include "engine/kernel_probe.h"
#include "spec/uapi.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* clang-format off */
#define P(name)	   SPEC_PROG_##name
#define A(name)	   SPEC_ATTACH_##name
#define M(name)	   SPEC_MAP_##name
#define V(a, b)	   FACTS_VERSION(a, b)
#define KROW(group, name, probe, type, attach, at, needs, config, since, what)                     \
	{group, name, kernel_probe_do_##probe, type, attach, at, needs, config, since, what},
static const struct kernel_row rows[] = {
#include "engine/kernel_probe.def"
	{0},
};
/* clang-format on */

const struct kernel_row *kernel_probe_rows(void)
{
	return rows;
}

const struct kernel_row *kernel_probe_find(const char *group, const char *name)
{
	for (const struct kernel_row *r = rows; r->name; r++)
		if (!strcmp(r->group, group) && !strcmp(r->name, name))
			return r;
	return NULL;
}

int kernel_probe_row(const struct kernel_row *row, struct kernel_try *t)
{
	t->row = row;
	t->attaching = false;
	t->missing = NULL;
	t->log[0] = 0;
	return row->probe(t);
}

int kernel_probe_bpf(int cmd, void *attr, size_t size)
{
	int ret = (int)syscall(SYS_bpf, cmd, attr, size);

	return ret < 0 ? -errno : ret;
}

/* What is made only to see that it can be made. */
static int close_it(int fd)
{
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* --- programs ------------------------------------------------------------------------------------
 */

int kernel_probe_load(struct kernel_try *t, u32 flags, u32 btf_id, const struct bpf_insn *insns,
		      u32 nr)
{
	const struct kernel_row *r = t->row;
	union bpf_attr attr = {
		.prog_type = r->type,
		.insns = (u64)(uintptr_t)insns,
		.insn_cnt = nr,
		.license = (u64)(uintptr_t) "GPL",
		.log_level = 1,
		.log_size = sizeof(t->log),
		.log_buf = (u64)(uintptr_t)t->log,
		.prog_flags = flags,
		.expected_attach_type = r->attach,
		.attach_btf_id = btf_id,
	};

	return kernel_probe_bpf(BPF_PROG_LOAD, &attr,
				offsetof(union bpf_attr, attach_prog_fd) + sizeof(u32));
}

#define INSN(c, d, s, o, i)                                                                        \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                \
	}
#define MOV0(value) INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, value)
#define EXIT        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

int kernel_probe_load_return(struct kernel_try *t, u32 flags, u32 btf_id, int ret)
{
	const struct bpf_insn insns[] = {MOV0(ret), EXIT};

	return kernel_probe_load(t, flags, btf_id, insns, ARRAY_SIZE(insns));
}

int kernel_probe_do_prog(struct kernel_try *t)
{
	return close_it(kernel_probe_load_return(t, 0, 0, 0));
}

int kernel_probe_do_sleepable(struct kernel_try *t)
{
	return close_it(kernel_probe_load_return(t, SPEC_F_SLEEPABLE, 0, 0));
}

/* "btf_trace_x" is a typedef, anything else a function. */
int kernel_probe_func(const struct kernel_try *t, const char *name)
{
	bool is_tp = !strncmp(name, "btf_trace_", strlen("btf_trace_"));

	return t->btf ? btf__find_by_name_kind(t->btf, name,
					       is_tp ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC)
		      : -ENOENT;
}

int kernel_probe_do_prog_btf(struct kernel_try *t)
{
	int id = kernel_probe_func(t, t->row->at);

	return id < 0 ? id : close_it(kernel_probe_load_return(t, 0, (u32)id, 0));
}

/* --- BTF of our own: int, and a function int f(struct xdp_md *) ----------------------------------
 */

int kernel_probe_own_btf(void)
{
	static const char strings[] = "\0int\0xdp_md\0ctx\0f";
	static const u32 types[] = {
		1,  BTF_KIND_INT << 24,
		4,  0x01000020, /* [1] int, signed, 32 bits */
		5,  BTF_KIND_STRUCT << 24,
		4, /* [2] struct xdp_md */
		0,  BTF_KIND_PTR << 24,
		2, /* [3] */
		0,  BTF_KIND_FUNC_PROTO << 24 | 1,
		1,  12,
		3, /* [4] int (struct xdp_md *ctx) */
		16, BTF_KIND_FUNC << 24 | 1,
		4, /* [5] f, global */
	};
	struct {
		struct btf_header head;
		u32 types[ARRAY_SIZE(types)];
		char strings[sizeof(strings)];
	} raw = {.head = {
			 .magic = 0xeb9f,
			 .version = 1,
			 .hdr_len = sizeof(struct btf_header),
			 .type_len = sizeof(types),
			 .str_off = sizeof(types),
			 .str_len = sizeof(strings),
		 }};
	union bpf_attr attr = {.btf = (u64)(uintptr_t)&raw,
			       .btf_size = offsetof(typeof(raw), strings) + sizeof(strings)};

	memcpy(raw.types, types, sizeof(types));
	memcpy(raw.strings, strings, sizeof(strings));
	return kernel_probe_bpf(BPF_BTF_LOAD, &attr, offsetof(union bpf_attr, btf_log_level) + 4);
}

int kernel_probe_do_btf(struct kernel_try *t)
{
	if (!t->btf)
		return -ENOENT;
	return 0;
}

/* --- maps ----------------------------------------------------------------------------------------
 */

static const struct map_shape {
	u32 type, key, value, entries, flags;
} shapes[] = {
	{SPEC_MAP_LPM_TRIE, 8, 4, 1, SPEC_F_NO_PREALLOC},
	{SPEC_MAP_STACK_TRACE, 4, 8, 1, 0},
	{SPEC_MAP_CGROUP_STORAGE, 16, 4, 0, 0},
	{SPEC_MAP_PERCPU_CGROUP_STORAGE, 16, 4, 0, 0},
	{SPEC_MAP_QUEUE, 0, 4, 1, 0},
	{SPEC_MAP_STACK, 0, 4, 1, 0},
	{SPEC_MAP_BLOOM_FILTER, 0, 4, 1, 0},
	{SPEC_MAP_ARENA, 0, 0, 100, SPEC_F_MMAPABLE},
	{SPEC_MAP_INSN_ARRAY, 4, 16, 1, 0},
};

static int create_map(u32 type, u32 inner_fd)
{
	bool is_ring = type == SPEC_MAP_RINGBUF || type == SPEC_MAP_USER_RINGBUF;
	struct map_shape shape = {type, is_ring ? 0 : 4, is_ring ? 0 : 4,
				  is_ring ? (u32)getpagesize() : 1, 0};
	union bpf_attr attr = {.map_type = type};

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		if (shapes[i].type == type)
			shape = shapes[i];
	attr.key_size = shape.key;
	attr.value_size = shape.value;
	attr.max_entries = shape.entries;
	attr.map_flags = shape.flags;
	attr.inner_map_fd = inner_fd;
	return kernel_probe_bpf(BPF_MAP_CREATE, &attr, offsetof(union bpf_attr, map_extra) + 8);
}

int kernel_probe_map(u32 type)
{
	return create_map(type, 0);
}

int kernel_probe_do_map(struct kernel_try *t)
{
	return close_it(create_map(t->row->type, 0));
}

int kernel_probe_do_map_inner(struct kernel_try *t)
{
	int inner = create_map(SPEC_MAP_ARRAY, 0), err;

	if (inner < 0)
		return inner;
	err = close_it(create_map(t->row->type, (u32)inner));
	close(inner);
	return err;
}

/* Local storage has to say of which type its values are. */
int kernel_probe_do_map_storage(struct kernel_try *t)
{
	int btf = kernel_probe_own_btf(), err;
	union bpf_attr attr = {
		.map_type = t->row->type,
		.key_size = 4,
		.value_size = 4,
		.map_flags = SPEC_F_NO_PREALLOC,
		.btf_fd = (u32)btf,
		.btf_key_type_id = 1,
		.btf_value_type_id = 1,
	};

	if (btf < 0)
		return btf;
	err = close_it(
		kernel_probe_bpf(BPF_MAP_CREATE, &attr, offsetof(union bpf_attr, map_extra) + 8));
	close(btf);
	return err;
}

/* --- struct_ops: a TCP congestion control --------------------------------------------------------
 */

static int ops_map(struct kernel_try *t)
{
	int id = btf__find_by_name_kind(t->btf, "bpf_struct_ops_tcp_congestion_ops",
					BTF_KIND_STRUCT);
	int btf = id < 0 ? id : kernel_probe_own_btf(), err;
	union bpf_attr attr = {
		.map_type = SPEC_MAP_STRUCT_OPS,
		.key_size = 4,
		.max_entries = 1,
		.btf_fd = (u32)btf,
		.btf_vmlinux_value_type_id = (u32)id,
	};

	if (btf < 0)
		return btf;
	attr.value_size = btf__type_by_id(t->btf, (u32)id)->size;
	err = close_it(
		kernel_probe_bpf(BPF_MAP_CREATE, &attr, offsetof(union bpf_attr, map_extra) + 8));
	close(btf);
	return err;
}

static int ops_prog(struct kernel_try *t)
{
	int id = btf__find_by_name_kind(t->btf, "tcp_congestion_ops", BTF_KIND_STRUCT);
	const struct btf_type *type = id < 0 ? NULL : btf__type_by_id(t->btf, (u32)id);
	struct kernel_row row = *t->row;
	int ret;

	if (!type)
		return -ENOENT;
	for (u32 i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(t->btf, btf_members(type)[i].name_off), "ssthresh"))
			row.attach = i;
	const struct kernel_row *saved = t->row;

	t->row = &row;
	ret = close_it(kernel_probe_load_return(t, 0, (u32)id, 0));
	t->row = saved;
	return ret;
}

int kernel_probe_do_struct_ops(struct kernel_try *t)
{
	if (!t->btf)
		return -ENOENT;
	return t->row->attach ? ops_map(t) : ops_prog(t);
}

/* --- what programs may do ------------------------------------------------------------------------
 */

static bool says(const struct kernel_try *t, const char *const *words)
{
	for (; *words; words++)
		if (strstr(t->log, *words))
			return true;
	return false;
}

/* A call whose arguments are nonsense: if that is what the verifier minds, it knows the function.
 */
static int try_call(struct kernel_try *t, u32 prog_type, int pseudo, int id)
{
	static const char *const unknown[] = {
		"unknown func",  "invalid func",   "cannot use helper", "not allowed",
		"not supported", "reserved field", "unknown opcode",    NULL};
	const struct bpf_insn insns[] = {INSN(BPF_JMP | BPF_CALL, 0, pseudo, 0, id), MOV0(0), EXIT};
	const struct kernel_row *saved = t->row;
	struct kernel_row row = *saved;
	int ret;

	row.type = prog_type;
	row.attach = 0;
	t->row = &row;
	ret = close_it(kernel_probe_load(t, 0, 0, insns, ARRAY_SIZE(insns)));
	t->row = saved;
	return ret && t->log[0] && !says(t, unknown) ? 0 : ret;
}

int kernel_probe_do_helper(struct kernel_try *t)
{
	u32 prog_type = t->row->attach ? t->row->attach : SPEC_PROG_KPROBE;

	return try_call(t, prog_type, 0, (int)t->row->type);
}

int kernel_probe_do_kfunc(struct kernel_try *t)
{
	int id = kernel_probe_func(t, t->row->at);

	return id < 0 ? id : try_call(t, t->row->type, SPEC_PSEUDO_KFUNC_CALL, id);
}

int kernel_probe_do_insn(struct kernel_try *t)
{
	static const struct bpf_insn loop[] = {MOV0(0),
					       INSN(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 5),
					       INSN(BPF_ALU64 | BPF_ADD | BPF_K, 1, 0, 0, -1),
					       INSN(BPF_JMP | BPF_JNE | BPF_K, 1, 0, -2, 0), EXIT};
	static const struct bpf_insn atomic[] = {
		MOV0(0), INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 0, -8, 0),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 10, 0, -8, BPF_ADD | BPF_FETCH), MOV0(0), EXIT};
	static const struct bpf_insn v4[] = {MOV0(4), INSN(BPF_ALU64 | BPF_DIV | BPF_K, 0, 0, 1, 2),
					     MOV0(0), EXIT};
	static const struct bpf_insn may_goto[] = {
		MOV0(0), INSN(BPF_JMP | BPF_JCOND, 0, SPEC_MAY_GOTO, 1, 0), MOV0(0), EXIT};
	static const struct bpf_insn acquire[] = {
		MOV0(0), INSN(BPF_STX | BPF_MEM | BPF_DW, 10, 0, -8, 0),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 10, -8, BPF_LOAD_ACQ), MOV0(0), EXIT};
	static const struct {
		const struct bpf_insn *insns;
		u32 nr;
	} samples[] = {
		{loop, ARRAY_SIZE(loop)},       {atomic, ARRAY_SIZE(atomic)},
		{v4, ARRAY_SIZE(v4)},           {may_goto, ARRAY_SIZE(may_goto)},
		{acquire, ARRAY_SIZE(acquire)},
	};
	struct kernel_row row = *t->row;
	const struct kernel_row *saved = t->row;
	int ret;

	row.attach = 0;
	t->row = &row;
	ret = close_it(kernel_probe_load(t, 0, 0, samples[saved->attach].insns,
					 samples[saved->attach].nr));
	t->row = saved;
	return ret;
}

int kernel_probe_do_test_run(struct kernel_try *t)
{
	int fd = kernel_probe_load_return(t, 0, 0, 0), ret;
	union bpf_attr attr = {0};
	char packet[64] = {0};

	if (fd < 0)
		return fd;
	attr.test.prog_fd = (u32)fd;
	attr.test.data_in = (u64)(uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = 1;
	ret = kernel_probe_bpf(BPF_PROG_TEST_RUN, &attr,
			       offsetof(union bpf_attr, test.duration) + 4);
	close(fd);
	return ret;
}

/* A signature that can't be right: who looks at it knows signatures. */
int kernel_probe_do_signature(struct kernel_try *t)
{
	const struct bpf_insn insns[] = {MOV0(0), EXIT};
	struct {
		union bpf_attr old;
		unsigned char more[64];
	} attr = {.old = {.prog_type = t->row->type,
			  .insns = (u64)(uintptr_t)insns,
			  .insn_cnt = ARRAY_SIZE(insns),
			  .license = (u64)(uintptr_t) "GPL"}};
	static const char junk[4] = "none";
	u64 at = (u64)(uintptr_t)junk;
	u32 size = sizeof(junk);
	int ret;

	memcpy((unsigned char *)&attr + 152, &at, sizeof(at));     /* signature */
	memcpy((unsigned char *)&attr + 160, &size, sizeof(size)); /* signature_size */
	ret = close_it(kernel_probe_bpf(BPF_PROG_LOAD, &attr, 168));
	return ret == -E2BIG || ret == -EPERM || ret == -EOPNOTSUPP || ret == -ENOPKG ? ret : 0;
}

/* --- the rest ------------------------------------------------------------------------------------
 */

int kernel_probe_do_token(struct kernel_try *t)
{
	struct {
		u32 flags, bpffs_fd;
	} attr = {0, (u32)-1};
	int ret = kernel_probe_bpf(36, &attr, sizeof(attr)); /* BPF_TOKEN_CREATE */

	return ret == -EBADF ? 0 : ret;
}

int kernel_probe_do_stats(struct kernel_try *t)
{
	union bpf_attr attr = {0};

	return close_it(kernel_probe_bpf(BPF_ENABLE_STATS, &attr, 4));
}

int kernel_probe_do_batch(struct kernel_try *t)
{
	int fd = create_map(t->row->type, 0), ret;
	u32 keys[1], values[1], batch;
	union bpf_attr attr = {0};

	if (fd < 0)
		return fd;
	attr.batch.map_fd = (u32)fd;
	attr.batch.keys = (u64)(uintptr_t)keys;
	attr.batch.values = (u64)(uintptr_t)values;
	attr.batch.out_batch = (u64)(uintptr_t)&batch;
	attr.batch.count = 1;
	ret = kernel_probe_bpf(BPF_MAP_LOOKUP_BATCH, &attr, sizeof(attr.batch));
	close(fd);
	return ret == -ENOENT ? 0 : ret; /* there is no more, it says */
}

#define BPFFS_MAGIC 0xcafe4a11

int kernel_probe_do_bpffs(struct kernel_try *t)
{
	struct statfs st;

	if (statfs("/sys/fs/bpf", &st))
		return -errno;
	if ((u32)st.f_type != BPFFS_MAGIC) {
		t->missing = "bpffs is not mounted on /sys/fs/bpf";
		return -ENOENT;
	}
	return access("/sys/fs/bpf", W_OK) ? -errno : 0;
}
