/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Two kinds of code are put around calls of helpers, in the object file, before libbpf reads it:
 *
 * Behind calls that may find no room. Of outputs to perf buffers r0 tells, and what was in vain is
 * counted. Of ring buffers every attempt is: an attempt either becomes a record, which the reader
 * sees (also if the program discards it), or it is lost. r0 is not looked at, since kernels before
 * 6.2 forget that a pointer that was found not to be NULL is not: the program's own test of it
 * would seem to have two outcomes. r1 to r5 are dead behind a call.
 *
 * In front of what hands a record to a ring buffer: the flags get BPF_RB_NO_WAKEUP, but once in
 * `step` records BPF_RB_FORCE_WAKEUP; and nothing at all unless the reader has asked for batches.
 * The kernel wakes when it is forced to, whatever else the flags say, so a program that forces a
 * wakeup itself still does. There are no branches, so the verifier has nothing more to explore:
 *
 *     a = &shared; b = ++a->records & (step - 1); b = (b == 0) + 1; flags |= b & a->batch
 *
 * `records` is not atomic: CPUs may overwrite each other's, and then a wakeup comes a little later.
 * The registers a and b are those that the call clobbers and does not read.
 *
 * The shared map is an array of one element: its address stands in the instructions, and the reader
 * has it mapped. So neither side needs a call to reach it.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "elf/image.h"
#include "engine/kernel.h"
#include "event/flow.h"
#include "prog/insert.h"
#include "spec/uapi.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEST_INSNS  1
#define COUNT_INSNS 4
#define WAKE_INSNS  12

/* Of a ring buffer, this share may fill up before its reader is woken. */
#define WAKE_SHARE   8
#define RECORD_GUESS 512 /* of unknown size */
#define RING_HEADER  8
#define STEP_MAX     65536
#define RING_ROOM    (2u << 20)

#define MAX_CALLS 16384 /* to be patched: more is no program of a person */

static const struct helper {
	u32 id;
	bool counts; /* attempts, or failures of a perf buffer */
	bool perf;   /* else a ring buffer */
	u8 flags;    /* register of the wakeup flags; 0: none */
	u8 a, b;     /* registers that are free then */
} helpers[] = {
	/* clang-format off */
	/* id                              counts perf   flags a  b */
	{BPF_FUNC_ringbuf_output,          true,  false, 4,    0, 5},
	{BPF_FUNC_ringbuf_reserve,         true,  false, 0,    0, 0},
	{BPF_FUNC_ringbuf_submit,          false, false, 2,    3, 4},
	{BPF_FUNC_ringbuf_discard,         false, false, 2,    3, 4},
	{BPF_FUNC_ringbuf_reserve_dynptr,  true,  false, 0,    0, 0},
	{BPF_FUNC_ringbuf_submit_dynptr,   false, false, 2,    3, 4},
	{BPF_FUNC_ringbuf_discard_dynptr,  false, false, 2,    3, 4},
	{BPF_FUNC_perf_event_output,       true,  true,  0,    0, 0},
	{BPF_FUNC_skb_output,              true,  true,  0,    0, 0},
	{BPF_FUNC_xdp_output,              true,  true,  0,    0, 0},
	/* clang-format on */
};

struct patcher {
	const struct object *obj;
	struct arena arena;
	struct elf_image img;
	struct debug_image debug;
	struct flow flow;
	VEC(struct insert) inserts;
	struct kernel_patch *ret;
	int map_fd;
	bool wake; /* patch wakeups too */
	bool count_rings;
	int only[2]; /* the one ring buffer, the one perf buffer; -1: none or several */
	struct skep_diag *diag;
};

/* --- which map -------------------------------------------------------------------------------- */

static int only_map(const struct object *obj, u32 type)
{
	int only = -1;

	for (u32 i = 0; i < obj->nr_maps; i++) {
		if (obj->maps[i].def.type != type)
			continue;
		if (only >= 0)
			return -1;
		only = (int)i;
	}
	return only;
}

static const struct flow_site *find_site(const struct patcher *p, u32 sec, u32 insn)
{
	for (size_t i = 0; i < p->flow.nr_sites; i++)
		if (p->flow.sites[i].shndx == sec &&
		    p->flow.sites[i].off == insn * sizeof(struct bpf_insn))
			return &p->flow.sites[i];
	return NULL;
}

/* Which count a call adds to. */
static u32 count_slot(const struct patcher *p, const struct helper *h, u32 sec, u32 insn)
{
	const struct flow_site *site = find_site(p, sec, insn);
	int idx = site ? object_map_idx(p->obj, site->map) : -1;

	if (idx < 0)
		idx = p->only[h->perf];
	return idx >= 0 ? (u32)idx : p->obj->nr_maps;
}

/* --- the code --------------------------------------------------------------------------------- */

#define INSN(code_, dst_, src_, off_, imm_)                                                        \
	((struct bpf_insn){.code = (code_),                                                        \
			   .dst_reg = (dst_),                                                      \
			   .src_reg = (src_),                                                      \
			   .off = (off_),                                                          \
			   .imm = (imm_)})

#define ALU_IMM(op, dst, imm) INSN(BPF_ALU64 | (op) | BPF_K, dst, 0, 0, imm)
#define ALU_REG(op, dst, src) INSN(BPF_ALU64 | (op) | BPF_X, dst, src, 0, 0)
#define LOAD(dst, src, off)   INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define STORE(dst, off, src)  INSN(BPF_STX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define ADDRESS(dst, fd)      INSN(BPF_LD | BPF_IMM | BPF_DW, dst, BPF_PSEUDO_MAP_VALUE, 0, fd)
#define ADDRESS_OFF(off)      INSN(0, 0, 0, 0, off)

static int add(struct patcher *p, u32 sec, u32 insn, bool after, const struct bpf_insn *code,
	       u32 nr)
{
	struct insert *ins = VEC_PUSH(&p->inserts);
	const void *copy = arena_memdup(&p->arena, code, nr * sizeof(*code));

	if (!ins || !copy)
		return diag_nomem(p->diag);
	*ins = (struct insert){
		.section = sec, .insn = insn, .after = after, .nr = nr, .code = copy};
	return 0;
}

static int add_count(struct patcher *p, const struct helper *h, u32 sec, u32 insn)
{
	u32 slot = count_slot(p, h, sec, insn) + (h->perf ? 0 : p->ret->nr_slots);
	const struct bpf_insn code[TEST_INSNS + COUNT_INSNS] = {
		INSN(BPF_JMP | BPF_JSGE | BPF_K, 0, 0, COUNT_INSNS, 0),
		ADDRESS(1, p->map_fd),
		ADDRESS_OFF((s32)(offsetof(struct kernel_shared, counts) + 8 * slot)),
		ALU_IMM(BPF_MOV, 2, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, 1, 2, 0, BPF_ADD),
	};

	if (h->perf)
		return add(p, sec, insn, true, code, TEST_INSNS + COUNT_INSNS);
	return add(p, sec, insn, true, code + TEST_INSNS, COUNT_INSNS);
}

static int add_wake(struct patcher *p, const struct helper *h, u32 sec, u32 insn)
{
	u8 a = h->a, b = h->b;
	const struct bpf_insn code[WAKE_INSNS] = {
		ADDRESS(a, p->map_fd),
		ADDRESS_OFF(0),
		LOAD(b, a, offsetof(struct kernel_shared, records)),
		ALU_IMM(BPF_ADD, b, 1),
		STORE(a, offsetof(struct kernel_shared, records), b),
		ALU_IMM(BPF_AND, b, (s32)p->ret->step - 1),
		ALU_IMM(BPF_SUB, b, 1),
		ALU_IMM(BPF_RSH, b, 63),
		ALU_IMM(BPF_ADD, b, BPF_RB_NO_WAKEUP), /* or, one more, BPF_RB_FORCE_WAKEUP */
		LOAD(a, a, offsetof(struct kernel_shared, batch)),
		ALU_REG(BPF_AND, b, a),
		ALU_REG(BPF_OR, h->flags, b),
	};

	return add(p, sec, insn, false, code, WAKE_INSNS);
}

/* --- the calls -------------------------------------------------------------------------------- */

static const struct helper *find_helper(u32 id)
{
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		if (helpers[i].id == id)
			return &helpers[i];
	return NULL;
}

static int patch_call(struct patcher *p, u32 sec, u32 insn, u32 id)
{
	const struct helper *h = find_helper(id);
	int err = 0;

	p->ret->prints |= id == BPF_FUNC_trace_printk || id == BPF_FUNC_trace_vprintk;
	if (!h)
		return 0;
	if (h->flags && p->wake)
		err = add_wake(p, h, sec, insn);
	if (!err && h->counts && (h->perf || p->count_rings))
		err = add_count(p, h, sec, insn);
	if (!err && ++p->ret->nr_calls > MAX_CALLS)
		return diag_set(p->diag, -EINVAL, "too many calls");
	return err;
}

static int patch_section(struct patcher *p, u32 sec)
{
	const struct elf_section *s = &p->img.sections[sec];
	u64 nr = s->size / sizeof(struct bpf_insn);
	int err = 0;

	for (u64 i = 0; i < nr && i < INSERT_MAX_INSNS && !err; i++) {
		struct bpf_insn insn;

		memcpy(&insn, s->data + i * sizeof(insn), sizeof(insn));
		if (insn.code == (BPF_LD | BPF_IMM | BPF_DW))
			i++;
		else if (insn.code == (BPF_JMP | BPF_CALL) && !insn.src_reg)
			err = patch_call(p, sec, (u32)i, (u32)insn.imm);
	}
	return err;
}

static int patch_sections(struct patcher *p)
{
	int err = 0;

	for (u32 i = 1; i < p->img.nr_sections && !err; i++) {
		const struct elf_section *s = &p->img.sections[i];

		if (s->type == SHT_PROGBITS && (s->flags & SHF_EXECINSTR) && s->data)
			err = patch_section(p, i);
	}
	return err;
}

/* --- how often to wake ------------------------------------------------------------------------ */

/* Ring buffers inside of maps have no reader here. */
static bool has_inner_rings(const struct object *obj)
{
	for (u32 i = 0; i < obj->nr_maps; i++) {
		const struct map_def *inner = obj->maps[i].def.inner;

		if (inner && inner->type == BPF_MAP_TYPE_RINGBUF)
			return true;
	}
	return false;
}

/* Those that are pinned may have others. */
static bool has_pinned_rings(const struct object *obj)
{
	for (u32 i = 0; i < obj->nr_maps; i++)
		if (obj->maps[i].def.type == BPF_MAP_TYPE_RINGBUF && obj->maps[i].def.pinning)
			return true;
	return false;
}

static u64 largest_record(const struct patcher *p)
{
	u64 largest = 0;

	for (size_t i = 0; i < p->flow.nr_sites; i++) {
		u64 size = p->flow.sites[i].size;

		largest = max_u64(largest, size ? size : RECORD_GUESS);
	}
	return largest ? largest : RECORD_GUESS;
}

/*
 * The smallest ring buffer is at least so large: a reader that has to wait for its CPU for 50 ms
 * misses nothing at 500,000 records of 64 bytes a second. Several share that.
 */
static u32 choose_ring_size(const struct patcher *p)
{
	u32 nr = 0, size = RING_ROOM;

	for (u32 i = 0; i < p->obj->nr_maps; i++)
		nr += p->obj->maps[i].def.type == BPF_MAP_TYPE_RINGBUF;
	while (nr > 1 && size / 2 >= RING_ROOM / nr)
		size /= 2;
	return size;
}

/* A power of two, so that "once in step" is a mask. */
static u32 choose_step(const struct patcher *p)
{
	u64 smallest = UINT32_MAX, room;
	u32 step = 1;

	for (u32 i = 0; i < p->obj->nr_maps; i++)
		if (p->obj->maps[i].def.type == BPF_MAP_TYPE_RINGBUF)
			smallest = min_u64(smallest, p->obj->maps[i].def.max_entries);
	smallest = max_u64(smallest, p->ret->ring_size);
	room = smallest / WAKE_SHARE / (largest_record(p) + RING_HEADER);
	while (step < STEP_MAX && step * 2 <= room)
		step *= 2;
	return step;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int prepare(struct patcher *p)
{
	size_t size;
	const void *data = object_image(p->obj, &size);
	int err = elf_open(&p->arena, data, size, &p->img, p->diag);

	if (err)
		return err;
	p->only[false] = only_map(p->obj, BPF_MAP_TYPE_RINGBUF);
	p->only[true] = only_map(p->obj, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	err = debug_image_open(data, size, &p->debug);
	if (!err)
		err = flow_scan(&p->debug, NULL, &p->flow);
	if (err)
		return diag_set(p->diag, err, "can't see which map is which: %s", strerror(-err));
	p->ret->ring_size = p->wake ? choose_ring_size(p) : 0;
	p->ret->step = choose_step(p);
	p->ret->nr_slots = p->obj->nr_maps + 1;
	return 0;
}

static int patch(struct patcher *p)
{
	size_t size;
	const void *data = object_image(p->obj, &size);
	int err = prepare(p);

	err = err ? err : patch_sections(p);
	if (err || !p->inserts.nr)
		return err;
	return insert_into_object(data, size, p->inserts.data, (u32)p->inserts.nr, &p->ret->image,
				  &p->ret->size, p->diag);
}

int kernel_patch_image(const struct object *obj, int map_fd, bool keep_wakeups,
		       struct kernel_patch *ret, struct skep_diag *diag)
{
	struct patcher p = {
		.obj = obj,
		.ret = ret,
		.map_fd = map_fd,
		.wake = !keep_wakeups && !has_inner_rings(obj) && !has_pinned_rings(obj),
		.count_rings = !has_inner_rings(obj),
		.diag = diag,
	};
	int err = patch(&p);

	flow_done(&p.flow);
	debug_image_done(&p.debug);
	VEC_DONE(&p.inserts);
	arena_done(&p.arena);
	return err;
}

/* The descriptor is for loading only; the programs and the mapping hold the map. */
static int make_shared(struct kernel_patch *p, u32 nr_maps, struct skep_diag *diag)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	u32 size = (u32)sizeof(*p->shared) + 2 * 8 * (nr_maps + 1);
	long page = sysconf(_SC_PAGESIZE);
	void *mem;

	p->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "skep_counts", 4, size, 1, &opts);
	if (p->fd < 0)
		return diag_set(diag, -errno, "can't make the map of counts: %s", strerror(errno));
	p->shared_size = align_up(size, (u64)page);
	mem = mmap(NULL, p->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
	if (mem == MAP_FAILED)
		return diag_set(diag, -errno, "can't map the counts: %s", strerror(errno));
	p->shared = mem;
	return 0;
}

int kernel_patch_make(const struct object *obj, bool keep_wakeups, struct kernel_patch *ret,
		      struct skep_diag *diag)
{
	int err;

	*ret = KERNEL_PATCH_NONE;
	err = make_shared(ret, obj->nr_maps, diag);
	if (!err)
		err = kernel_patch_image(obj, ret->fd, keep_wakeups, ret, diag);
	if (err || !ret->image) {
		kernel_patch_done(ret);
	}
	return err;
}

void kernel_patch_done(struct kernel_patch *p)
{
	mem_free(p->image);
	if (p->shared)
		munmap(p->shared, p->shared_size);
	if (p->fd >= 0)
		close(p->fd);
	*p = (struct kernel_patch){.fd = -1, .prints = p->prints};
}

int kernel_patch(struct kernel_engine *k, struct skep_diag *diag)
{
	struct skep_diag why = {0};
	int err;

	(void)diag;
	if (k->opts.unpatched) { /* only look */
		err = kernel_patch_image(k->obj, 0, true, &k->patch, &why);
		mem_free(k->patch.image);
		k->patch.image = NULL;
		return 0;
	}
	err = kernel_patch_make(k->obj, k->opts.target.pin != NULL, &k->patch, &why);
	if (err)
		log_info("the programs are not patched, so losses cannot be counted: %s",
			 why.message);
	else
		log_debug("kernel engine: %u calls patched, a wakeup per %u records",
			  k->patch.nr_calls, k->patch.step);
	return 0;
}
