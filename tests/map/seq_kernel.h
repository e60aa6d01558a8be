/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kernel's maps as one side of the sequences: bpf(2), and for a program's operations a program
 * per operation, made from a few instructions and run once on CPU 0 by BPF_PROG_TEST_RUN. It
 * leaves R0 and a value in an array that we read.
 */
#ifndef TESTS_MAP_SEQ_KERNEL_H
#define TESTS_MAP_SEQ_KERNEL_H

#include "seq_common.h"
#include <linux/btf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int k_map = -1, k_like = -1, k_unlike = -1, k_result = -1, k_btf = -1;
static u32 k_nr_cpus;
static int k_events[64];
static u32 k_nr_events;

static long k_bpf(int cmd, union bpf_attr *attr)
{
	long ret = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

/* --- BTF -------------------------------------------------------------------------------------- */

#define K_STRINGS "\0int\0u64\0bpf_spin_lock\0val\0v_lock\0lock\0y\0bpf_timer\0o\0v_timer\0t"
enum { K_INT = 1, K_U64, K_LOCK, K_V_LOCK, K_ARRAY, K_TIMER, K_V_TIMER };
#define K_INFO(kind, vlen) ((u32)(kind) << 24 | (vlen))

static u32 k_str(const char *name)
{
	static const char all[] = K_STRINGS;

	for (u32 i = 0; i < sizeof(all); i += (u32)strlen(all + i) + 1)
		if (!strcmp(all + i, name))
			return i;
	return 0;
}

static int k_load_btf(void)
{
	const u32 types[] = {
		k_str("int"),
		K_INFO(BTF_KIND_INT, 0),
		4,
		32,
		k_str("u64"),
		K_INFO(BTF_KIND_INT, 0),
		8,
		64,
		k_str("bpf_spin_lock"),
		K_INFO(BTF_KIND_STRUCT, 1),
		4,
		k_str("val"),
		K_INT,
		0,
		k_str("v_lock"),
		K_INFO(BTF_KIND_STRUCT, 2),
		16,
		k_str("lock"),
		K_LOCK,
		0,
		k_str("y"),
		K_U64,
		64,
		0,
		K_INFO(BTF_KIND_ARRAY, 0),
		0,
		K_U64,
		K_INT,
		2,
		k_str("bpf_timer"),
		K_INFO(BTF_KIND_STRUCT, 1),
		16,
		k_str("o"),
		K_ARRAY,
		0,
		k_str("v_timer"),
		K_INFO(BTF_KIND_STRUCT, 2),
		24,
		k_str("t"),
		K_TIMER,
		0,
		k_str("y"),
		K_U64,
		128,
	};
	struct btf_header h = {.magic = BTF_MAGIC,
			       .version = 1,
			       .hdr_len = sizeof(h),
			       .type_len = sizeof(types),
			       .str_off = sizeof(types),
			       .str_len = sizeof(K_STRINGS)};
	u8 blob[sizeof(h) + sizeof(types) + sizeof(K_STRINGS)];
	union bpf_attr attr = {.btf = (u64)(uintptr_t)blob, .btf_size = sizeof(blob)};

	memcpy(blob, &h, sizeof(h));
	memcpy(blob + sizeof(h), types, sizeof(types));
	memcpy(blob + sizeof(h) + sizeof(types), K_STRINGS, sizeof(K_STRINGS));
	return (int)k_bpf(BPF_BTF_LOAD, &attr);
}

/* --- maps ------------------------------------------------------------------------------------- */

static int k_make(u32 type, u32 key, u32 value, u32 max)
{
	union bpf_attr attr = {
		.map_type = type, .key_size = key, .value_size = value, .max_entries = max};

	return (int)k_bpf(BPF_MAP_CREATE, &attr);
}

/* NULL, or why the kernel cannot be asked. */
static const char *k_start(void)
{
	char buf[64] = "";
	cpu_set_t cpus;

	if (geteuid())
		return "not root";
	k_result = k_make(BPF_MAP_TYPE_ARRAY, 4, 16, 1);
	k_btf = k_load_btf();
	if (k_result < 0 || k_btf < 0)
		return "the kernel has no BPF for us";
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		return "cannot run on CPU 0";
	FILE *f = fopen("/sys/devices/system/cpu/possible", "r");
	if (!f || !fgets(buf, sizeof(buf), f))
		return "no list of CPUs";
	fclose(f);
	k_nr_cpus = (u32)atoi(strrchr(buf, '-') ? strrchr(buf, '-') + 1 : buf) + 1;
	return NULL;
}

static u32 k_value_type(const struct seq_map *m)
{
	if (m->flags & F_LOCK_FIELD)
		return K_V_LOCK;
	if (m->flags & F_TIMER_FIELD)
		return K_V_TIMER;
	return m->value_size == 4 ? K_INT : K_U64;
}

static long k_create(const struct seq_map *m)
{
	union bpf_attr attr = {.map_type = m->type,
			       .key_size = m->key_size,
			       .value_size = m->value_size,
			       .max_entries = m->max_entries,
			       .map_flags = (u32)(m->flags & F_MASK),
			       .map_extra = m->extra};

	if (m->flags & F_INNER) {
		k_like = k_make(BPF_MAP_TYPE_ARRAY, 4, 8, 1);
		k_unlike = k_make(BPF_MAP_TYPE_ARRAY, 4, 8, 2);
		attr.inner_map_fd = (u32)k_like;
	} else if (seq_is_outer(m)) {
		attr.inner_map_fd = 9999;
	}
	if (m->flags & (F_LOCK_FIELD | F_TIMER_FIELD | F_BTF)) {
		attr.btf_fd = (u32)k_btf;
		attr.btf_key_type_id = !m->key_size ? 0 : m->key_size == 4 ? K_INT : K_U64;
		attr.btf_value_type_id = k_value_type(m);
	}
	k_map = (int)k_bpf(BPF_MAP_CREATE, &attr);
	return k_map < 0 ? k_map : 0;
}

static void k_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void k_destroy(void)
{
	k_close(&k_map);
	k_close(&k_like);
	k_close(&k_unlike);
	while (k_nr_events)
		k_close(&k_events[--k_nr_events]);
}

static u32 k_map_id(int fd)
{
	struct bpf_map_info info = {0};
	union bpf_attr attr = {.info = {.bpf_fd = (u32)fd,
					.info_len = sizeof(info),
					.info = (u64)(uintptr_t)&info}};

	return k_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0 ? 0 : info.id;
}

/* --- bpf(2) ----------------------------------------------------------------------------------- */

static u8 k_key[SEQ_MAX_KEY], k_value[SEQ_MAX_VALUE];

static void k_fill(const struct seq_map *m, const struct seq_op *op)
{
	u32 n = seq_is_percpu(m) ? k_nr_cpus : 1, off = seq_value_off(m);
	u64 value = op->value;

	memset(k_key, 0, sizeof(k_key));
	memset(k_value, 0, sizeof(k_value));
	memcpy(k_key, &op->key, sizeof(op->key));
	if (seq_is_outer(m))
		value = value == 1 ? (u64)k_like : value == 2 ? (u64)k_unlike : value;
	for (u32 i = 0; i < n; i++) {
		u64 v = value + i;

		memcpy(k_value + i * align_up(m->value_size, 8) + off, &v,
		       min_u64(8, m->value_size - off));
	}
}

static long k_user(const struct seq_map *m, const struct seq_op *op, u64 *out)
{
	static const int cmds[] = {
		[OP_LOOKUP] = BPF_MAP_LOOKUP_ELEM, [OP_UPDATE] = BPF_MAP_UPDATE_ELEM,
		[OP_DELETE] = BPF_MAP_DELETE_ELEM, [OP_TAKE] = BPF_MAP_LOOKUP_AND_DELETE_ELEM,
		[OP_NEXT] = BPF_MAP_GET_NEXT_KEY,  [OP_FIRST] = BPF_MAP_GET_NEXT_KEY,
		[OP_FREEZE] = BPF_MAP_FREEZE};
	union bpf_attr attr = {.map_fd = (u32)k_map};
	long ret;

	k_fill(m, op);
	if (op->op != OP_FREEZE) {
		if (m->key_size && op->op != OP_FIRST)
			attr.key = (u64)(uintptr_t)k_key;
		if (op->op != OP_DELETE)
			attr.value = (u64)(uintptr_t)k_value;
		if (op->op != OP_NEXT && op->op != OP_FIRST && op->op != OP_DELETE)
			attr.flags = op->flags;
	}
	ret = k_bpf(cmds[op->op], &attr);
	if (!ret && (op->op == OP_NEXT || op->op == OP_FIRST))
		memcpy(out, k_value, m->key_size < 8 ? m->key_size : 8);
	if (!ret && (op->op == OP_LOOKUP || op->op == OP_TAKE))
		*out = seq_value_out(m, k_value, k_nr_cpus);
	if (!ret && op->op == OP_LOOKUP && seq_is_outer(m))
		*out = *out == k_map_id(k_like);
	return ret;
}

static long k_count(const struct seq_map *m, u64 *out)
{
	union bpf_attr attr = {.map_fd = (u32)k_map, .next_key = (u64)(uintptr_t)k_value};
	long nr = 0;
	u32 w;

	memset(k_value, 0, 8);
	for (; !k_bpf(BPF_MAP_GET_NEXT_KEY, &attr) && nr < 10000; nr++) {
		memcpy(&w, k_value, sizeof(w));
		*out += w;
		memcpy(k_key, k_value, m->key_size);
		attr.key = (u64)(uintptr_t)k_key;
	}
	return nr;
}

/* --- programs --------------------------------------------------------------------------------- */

struct k_prog {
	struct bpf_insn insns[64];
	u32 nr;
};

static void k_emit(struct k_prog *p, u8 code, u8 dst, u8 src, s16 off, s32 imm)
{
	p->insns[p->nr++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
}

static void k_ld64(struct k_prog *p, u8 dst, u8 src, u64 imm)
{
	k_emit(p, BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, (s32)imm);
	k_emit(p, 0, 0, 0, 0, (s32)(imm >> 32));
}

static void k_mov(struct k_prog *p, u8 dst, u8 src)
{
	k_emit(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void k_mov_imm(struct k_prog *p, u8 dst, s32 imm)
{
	k_emit(p, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
}

static void k_stack(struct k_prog *p, u8 dst, s16 off)
{
	k_mov(p, dst, 10);
	k_emit(p, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, off);
}

#define K_KEY   (-64)
#define K_VALUE (-128)

/* 64 bytes of zeros at off, with a u64 (or what fits the value) in them. */
static void k_fill_stack(struct k_prog *p, s16 off, s16 at, u64 v)
{
	k_mov_imm(p, 1, 0);
	for (s16 i = 0; i < 64; i += 8)
		k_emit(p, BPF_STX | BPF_MEM | BPF_DW, 10, 1, (s16)(off + i), 0);
	k_ld64(p, 1, 0, v);
	k_emit(p, BPF_STX | BPF_MEM | BPF_DW, 10, 1, (s16)(off + at), 0);
}

static void k_call(struct k_prog *p, s32 helper)
{
	k_emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

/* R7 = what is stored as R0, R8 = what is stored as the value. */
static void k_leave(struct k_prog *p)
{
	k_ld64(p, 1, BPF_PSEUDO_MAP_VALUE, (u32)k_result);
	k_emit(p, BPF_STX | BPF_MEM | BPF_DW, 1, 7, 0, 0);
	k_emit(p, BPF_STX | BPF_MEM | BPF_DW, 1, 8, 8, 0);
	k_mov_imm(p, 0, 0);
	k_emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* R0 is a pointer or NULL: R7 = found, R8 = its u64. */
static void k_read_found(struct k_prog *p, const struct seq_map *m)
{
	bool is_map = seq_is_outer(m);

	k_emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, is_map ? 2 : 2, 0);
	k_mov_imm(p, 7, 1);
	if (is_map)
		k_mov_imm(p, 8, 1);
	else
		k_emit(p, BPF_LDX | BPF_MEM | (m->value_size >= 8 ? BPF_DW : BPF_W), 8, 0,
		       (s16)seq_value_off(m), 0);
}

static void k_map_op(struct k_prog *p, const struct seq_map *m, const struct seq_op *op)
{
	static const s32 helpers[] = {[OP_P_LOOKUP] = BPF_FUNC_map_lookup_elem,
				      [OP_P_UPDATE] = BPF_FUNC_map_update_elem,
				      [OP_P_DELETE] = BPF_FUNC_map_delete_elem,
				      [OP_P_PUSH] = BPF_FUNC_map_push_elem,
				      [OP_P_POP] = BPF_FUNC_map_pop_elem,
				      [OP_P_PEEK] = BPF_FUNC_map_peek_elem,
				      [OP_P_ON_CPU] = BPF_FUNC_map_lookup_percpu_elem};
	bool keyless = op->op >= OP_P_PUSH && op->op <= OP_P_PEEK;

	k_fill_stack(p, K_KEY, 0, op->key);
	k_fill_stack(p, K_VALUE, (s16)seq_value_off(m), op->value);
	k_ld64(p, 1, BPF_PSEUDO_MAP_FD, (u32)k_map);
	k_stack(p, 2, keyless ? K_VALUE : K_KEY);
	k_stack(p, 3, K_VALUE);
	k_ld64(p, 4, 0, op->flags);
	if (op->op == OP_P_PUSH)
		k_mov(p, 3, 4);
	if (op->op == OP_P_ON_CPU)
		k_ld64(p, 3, 0, op->value);
	k_call(p, helpers[op->op]);
	if (op->op == OP_P_LOOKUP || op->op == OP_P_ON_CPU) {
		k_read_found(p, m);
		return;
	}
	k_mov(p, 7, 0);
	if (op->op == OP_P_POP || op->op == OP_P_PEEK)
		k_emit(p, BPF_LDX | BPF_MEM | BPF_DW, 8, 10, K_VALUE, 0);
}

static void k_record_op(struct k_prog *p, const struct seq_op *op)
{
	bool reserve = op->op == OP_RB_SUBMIT || op->op == OP_RB_DISCARD;

	k_ld64(p, 1, BPF_PSEUDO_MAP_FD, (u32)k_map);
	if (op->op == OP_RB_QUERY) {
		k_ld64(p, 2, 0, op->flags);
		k_call(p, BPF_FUNC_ringbuf_query);
		k_mov(p, 8, 0);
	} else if (reserve) {
		k_ld64(p, 2, 0, op->value);
		k_ld64(p, 3, 0, op->flags);
		k_call(p, BPF_FUNC_ringbuf_reserve);
		k_emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 4, 0);
		k_mov_imm(p, 7, 1);
		k_mov(p, 1, 0);
		k_mov_imm(p, 2, 0);
		k_call(p,
		       op->op == OP_RB_SUBMIT ? BPF_FUNC_ringbuf_submit : BPF_FUNC_ringbuf_discard);
	} else {
		k_fill_stack(p, K_KEY, 0, 0);
		k_ld64(p, 1, BPF_PSEUDO_MAP_FD, (u32)k_map);
		k_stack(p, 2, K_KEY);
		k_ld64(p, 3, 0, op->value);
		k_ld64(p, 4, 0, op->flags);
		k_call(p, BPF_FUNC_ringbuf_output);
		k_mov(p, 7, 0);
	}
}

static void k_ctx_op(struct k_prog *p, const struct seq_op *op)
{
	if (op->op == OP_P_REDIRECT) {
		k_ld64(p, 1, BPF_PSEUDO_MAP_FD, (u32)k_map);
		k_ld64(p, 2, 0, op->key);
		k_ld64(p, 3, 0, op->flags);
		k_call(p, BPF_FUNC_redirect_map);
	} else {
		k_fill_stack(p, K_KEY, 0, 0);
		k_mov(p, 1, 6);
		k_ld64(p, 2, BPF_PSEUDO_MAP_FD, (u32)k_map);
		k_ld64(p, 3, 0, op->flags);
		k_stack(p, 4, K_KEY);
		k_ld64(p, 5, 0, op->value);
		k_call(p, BPF_FUNC_perf_event_output);
	}
	k_mov(p, 7, 0);
}

static int k_load(const struct k_prog *p, bool xdp)
{
	static char log[8192];
	union bpf_attr attr = {.prog_type = xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS,
			       .insns = (u64)(uintptr_t)p->insns,
			       .insn_cnt = p->nr,
			       .license = (u64)(uintptr_t) "GPL",
			       .log_buf = (u64)(uintptr_t)log,
			       .log_size = sizeof(log),
			       .log_level = 1};
	long fd = k_bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		printf("# the kernel refused a program (%ld): %s\n", fd, log);
	return (int)fd;
}

static long k_prog(const struct seq_map *m, const struct seq_op *op, u64 *out)
{
	struct k_prog p = {.nr = 0};
	u8 packet[64] = {0};
	u64 result[2] = {0};
	u32 zero = 0;
	union bpf_attr run = {0}, get = {.map_fd = (u32)k_result,
					 .key = (u64)(uintptr_t)&zero,
					 .value = (u64)(uintptr_t)result};
	int fd;
	long err;

	k_mov(&p, 6, 1);
	k_mov_imm(&p, 7, 0);
	k_mov_imm(&p, 8, 0);
	if (op->op == OP_P_REDIRECT || op->op == OP_P_PERF)
		k_ctx_op(&p, op);
	else if (op->op >= OP_RB_OUTPUT)
		k_record_op(&p, op);
	else
		k_map_op(&p, m, op);
	k_leave(&p);
	fd = k_load(&p, op->op == OP_P_REDIRECT || m->type == SPEC_MAP_DEVMAP ||
				m->type == SPEC_MAP_DEVMAP_HASH || m->type == SPEC_MAP_XSKMAP);
	if (fd < 0)
		return -99999;
	run.test.prog_fd = (u32)fd;
	run.test.data_in = (u64)(uintptr_t)packet;
	run.test.data_size_in = sizeof(packet);
	err = k_bpf(BPF_PROG_TEST_RUN, &run);
	close(fd);
	if (!err)
		err = k_bpf(BPF_MAP_LOOKUP_ELEM, &get);
	if (err)
		return -99998;
	*out = result[1];
	return (long)result[0];
}

/* --- records ---------------------------------------------------------------------------------- */

static long k_consume(const struct seq_map *m, u64 *out)
{
	size_t page = 4096, size = page + 2 * (size_t)m->max_entries;
	u64 *cons = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, k_map, 0);
	u64 *prod = mmap(NULL, size, PROT_READ, MAP_SHARED, k_map, (off_t)page);
	const u8 *data = (const u8 *)prod + page;
	long nr = 0;

	if (cons == MAP_FAILED || prod == MAP_FAILED)
		return -99997;
	for (u64 pos = *cons; pos < *prod; *cons = pos) {
		u32 len;

		memcpy(&len, data + (pos & (m->max_entries - 1)), sizeof(len));
		pos += align_up((len & 0x3fffffff) + 8, 8);
		if (len & (1u << 30))
			continue;
		nr++;
		*out += len;
	}
	munmap(cons, page);
	munmap(prod, size);
	return nr;
}

static long k_perf_open(const struct seq_op *op)
{
	struct perf_event_attr pe = {.type = PERF_TYPE_SOFTWARE,
				     .size = sizeof(pe),
				     .config = PERF_COUNT_SW_BPF_OUTPUT,
				     .sample_type = PERF_SAMPLE_RAW};
	int fd = (int)syscall(SYS_perf_event_open, &pe, -1, (int)op->key, -1, 0);
	u32 key = (u32)op->key;
	union bpf_attr attr = {
		.map_fd = (u32)k_map, .key = (u64)(uintptr_t)&key, .value = (u64)(uintptr_t)&fd};

	if (fd < 0)
		return -EBADF;
	k_events[k_nr_events++] = fd;
	if (mmap(NULL, 65 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		return -99996;
	return k_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static long k_run(const struct seq_map *m, const struct seq_op *op, u64 *out)
{
	if (op->op == OP_COUNT)
		return k_count(m, out);
	if (op->op <= OP_FREEZE)
		return k_user(m, op, out);
	if (op->op == OP_RB_CONSUME)
		return k_consume(m, out);
	if (op->op == OP_PERF_OPEN)
		return k_perf_open(op);
	return k_prog(m, op, out);
}

static const struct seq_side seq_kernel = {"kernel", k_create, k_run, k_destroy};

#endif
