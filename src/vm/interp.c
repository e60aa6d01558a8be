/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The interpreter: direct-threaded, made from opcodes.def by interp_loop.h, once with the guard and
 * once without. Semantics are Linux': what the kernel's verifier would patch into a program (the
 * tests for division by zero, masked shift counts, loads that may fail) is done by the operations.
 */
#include "map/map.h"
#include "vm/code.h"
#include "vm/pkt.h"
#include "vm/state.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define SLICE 65536 /* instructions between two looks at vm_stop */

/* Scalars wherever they lie. */
#define ANYWHERE __attribute__((aligned(1), may_alias))
typedef u8 ANYWHERE u8_any;
typedef u16 ANYWHERE u16_any;
typedef u32 ANYWHERE u32_any;
typedef u64 ANYWHERE u64_any;
typedef s8 ANYWHERE s8_any;
typedef s16 ANYWHERE s16_any;
typedef s32 ANYWHERE s32_any;

#define bswap16(x) __builtin_bswap16((u16)(x))
#define bswap32(x) __builtin_bswap32((u32)(x))
#define bswap64(x) __builtin_bswap64(x)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define to_le16(x) ((u16)(x))
#define to_le32(x) ((u32)(x))
#define to_le64(x) (x)
#define to_be16(x) bswap16(x)
#define to_be32(x) bswap32(x)
#define to_be64(x) bswap64(x)
#else
#define to_le16(x) bswap16(x)
#define to_le32(x) bswap32(x)
#define to_le64(x) bswap64(x)
#define to_be16(x) ((u16)(x))
#define to_be32(x) ((u32)(x))
#define to_be64(x) (x)
#endif

/* --- budget --------------------------------------------------------------------------------- */

/* Not all that is left: callbacks take slices of their own while this one is in use. */
static s64 take_slice(struct vm_exec *x)
{
	u64 slice = min_u64(x->run.budget - x->run.budget / 2, SLICE);

	x->run.budget -= slice;
	return (s64)slice;
}

static void give_back(struct vm_exec *x, s64 left)
{
	if (left >= 0)
		x->run.budget += (u64)left;
	else
		x->run.budget -= min_u64(x->run.budget, (u64)-left);
}

static bool may_go_on(struct vm_exec *x)
{
	struct vm *vm = x->run.vm;

	if (atomic_load_explicit(&vm->stop, memory_order_relaxed))
		vm_fail(&x->run, -EINTR, "stopped");
	else if (!x->run.budget) {
		vm_fail(&x->run, -ETIMEDOUT, "no end after %llu instructions",
			(unsigned long long)vm->opts.max_insns);
		diag_hint(x->run.diag, 0, "--max-insns allows more");
	}
	return !x->run.err;
}

/* The slice is used up: another one, if the budget has one. */
static bool more_slice(struct vm_exec *x, const struct vm_op *op, s64 *left)
{
	x->run.insn = (u32)(op - x->run.prog->ops);
	while (*left < 0) {
		if (!may_go_on(x))
			return false;
		*left += take_slice(x);
	}
	return true;
}

/* --- what operations do in functions of their own --------------------------------------------- */

static bool is_prog_array(struct vm_exec *x, u64 ptr)
{
	if (!vm_is_map(x->run.vm, ptr)) {
		vm_fault(&x->run, "bpf_tail_call: argument 2 must be a map");
		return false;
	}
	if (((const struct map *)ptr)->def.type != BPF_MAP_TYPE_PROG_ARRAY) {
		vm_fault(&x->run, "bpf_tail_call: map %s is not a prog_array",
			 ((const struct map *)ptr)->def.name);
		return false;
	}
	return true;
}

/* True: run.prog is the program to go on with. False: nothing there, or run.err is set. */
static bool tail_call(struct vm_exec *x, u64 array, u32 idx)
{
	struct map *map = (struct map *)array;
	struct vm_prog *p;

	if (!is_prog_array(x, array) || idx >= map->def.max_entries ||
	    x->run.tail_calls >= LIMIT_TAIL_CALLS)
		return false;
	p = map_prog_get(map, idx);
	if (!p)
		return false;
	if (p->vm != x->run.vm) {
		vm_fault(&x->run, "bpf_tail_call: entry %u of map %s is of another machine", idx,
			 map->def.name);
		return false;
	}
	x->run.tail_calls++;
	x->run.prog = p;
	return true;
}

static u64 kernel_symbol(struct vm_exec *x, const char *name)
{
	const struct vm_world *w = x->run.env->world;

	return w && w->kernel_symbol ? (u64)w->kernel_symbol(x->run.env, name) : 0;
}

static bool load_packet(struct vm_exec *x, u64 off, u32 size, u64 *ret)
{
	*ret = 0;
	return !vm_pkt_load(x->run.env->pkt, (s32)off, size, ret);
}

/* An instruction's own place among the hits. */
static struct vm_hit *hit_of(struct vm_hit *hits, const struct vm_op *op)
{
	return &hits[(uintptr_t)op / sizeof(*op) % VM_HITS];
}

static __attribute__((noinline)) bool slow_load(struct vm_exec *x, const struct vm_op *op, u64 addr,
						u32 size)
{
	x->run.insn = (u32)(op - x->run.prog->ops);
	return guard_access(x, hit_of(x->loads, op), addr, size, VM_MEM_READ) == GUARD_OK;
}

static __attribute__((noinline)) bool slow_store(struct vm_exec *x, const struct vm_op *op,
						 u64 addr, u32 size)
{
	x->run.insn = (u32)(op - x->run.prog->ops);
	return guard_access(x, hit_of(x->stores, op), addr, size, VM_MEM_WRITE) == GUARD_OK;
}

/* Nothing that an earlier run or we ourselves left on the stack can be read. */
static void clear_frame(struct vm_exec *x)
{
	if (likely(x->depth <= x->cleared))
		return;
	x->cleared = x->depth;
	memset((void *)(vm_stack_top(x) - (u64)x->depth * LIMIT_STACK), 0, LIMIT_STACK);
}

static bool misaligned(struct vm_exec *x, const struct vm_op *op, u64 addr, u32 size)
{
	x->run.insn = (u32)(op - x->run.prog->ops);
	vm_fault(&x->run, "misaligned atomic access of %u bytes at %#llx", size,
		 (unsigned long long)addr);
	return false;
}

/* --- the language of opcodes.def -------------------------------------------------------------- */

#define NEXT goto *(++op)->label
#define JUMP(n)                                                                                    \
	do {                                                                                       \
		op += 1 + (n);                                                                     \
		goto * op->label;                                                                  \
	} while (0)
#define CHARGED                                                                                    \
	do {                                                                                       \
		if (unlikely(left < 0))                                                            \
			goto slice;                                                                \
		goto * op->label;                                                                  \
	} while (0)
#define BACK(n)                                                                                    \
	do {                                                                                       \
		left += (n);                                                                       \
		op += 1 + (n);                                                                     \
		CHARGED;                                                                           \
	} while (0)

#define D r[op->dst]
#define S r[op->src]
#define I ((s64)op->imm)

#define BIN(T, U, x, e)                                                                            \
	do {                                                                                       \
		T a __unused = (T)D, b = (T)(x);                                                   \
		D = (U)(e);                                                                        \
	} while (0)
#define CMP(T, x, e)                                                                               \
	({                                                                                         \
		T a = (T)D, b = (T)(x);                                                            \
		e;                                                                                 \
	})
#define LOAD(T)                                                                                    \
	do {                                                                                       \
		u64 addr = S + (u64)(s64)op->off;                                                  \
		if (READABLE(addr, T))                                                             \
			D = (u64)(*(const T##_any *)addr);                                         \
		else if (x->run.err)                                                               \
			goto failed;                                                               \
		else                                                                               \
			D = 0;                                                                     \
	} while (0)
#define STORE(T, v)                                                                                \
	do {                                                                                       \
		u64 addr = D + (u64)(s64)op->off;                                                  \
		if (!WRITABLE(addr, T))                                                            \
			goto failed;                                                               \
		*(T##_any *)addr = (T)(v);                                                         \
	} while (0)
#define ATOMIC(T, e...)                                                                            \
	do {                                                                                       \
		u64 addr = D + (u64)(s64)op->off;                                                  \
		T *p = (T *)addr, b = (T)S;                                                        \
		if (!ALIGNED(addr, T) || !READABLE(addr, T) || !WRITABLE(addr, T))                 \
			goto failed;                                                               \
		e;                                                                                 \
	} while (0)
#define CMPXCHG(T)                                                                                 \
	({                                                                                         \
		T old = (T)r[0];                                                                   \
		__atomic_compare_exchange_n(p, &old, b, false, __ATOMIC_SEQ_CST,                   \
					    __ATOMIC_SEQ_CST);                                     \
		r[0] = old;                                                                        \
	})
#define LOAD_ACQUIRE(T)                                                                            \
	do {                                                                                       \
		u64 addr = S + (u64)(s64)op->off;                                                  \
		if (!ALIGNED(addr, T) || !READABLE(addr, T))                                       \
			goto failed;                                                               \
		D = __atomic_load_n((T *)addr, __ATOMIC_ACQUIRE);                                  \
	} while (0)
#define PACKET(T, where)                                                                           \
	do {                                                                                       \
		if (!load_packet(x, (u64)(where), sizeof(T), &r[0]))                               \
			goto leave;                                                                \
	} while (0)
#define NO_MORE (x->may_goto ? (x->may_goto--, false) : true)
#define GOTO(f) (op->f)

/* --- what each kind of row becomes ------------------------------------------------------------ */

#define CODE_PLAIN(id, e...)                                                                       \
	L_##id : e;                                                                                \
	NEXT;
#define CODE_ALU    CODE_PLAIN
#define CODE_NEG    CODE_PLAIN
#define CODE_MOV    CODE_PLAIN
#define CODE_END    CODE_PLAIN
#define CODE_LDX    CODE_PLAIN
#define CODE_ST     CODE_PLAIN
#define CODE_STX    CODE_PLAIN
#define CODE_ATOMIC CODE_PLAIN
#define CODE_LDABS  CODE_PLAIN
#define CODE_JMP(id, cond...)                                                                      \
	L_##id : if (cond) JUMP(op->off);                                                          \
	NEXT;                                                                                      \
	B_##id : if (cond) BACK(op->off);                                                          \
	NEXT;
#define CODE_JCOND CODE_JMP
#define CODE_JA(id, distance)                                                                      \
	L_##id : JUMP(distance);                                                                   \
	B_##id : BACK(distance);
#define CODE_LDDW(id, what)                                                                        \
	L_##id : D = op[1].imm64;                                                                  \
	op++;                                                                                      \
	NEXT;
#define CODE_CALL(id, what) L_##id : goto call_##what;
#define CODE_EXIT(id, what) L_##id : goto leave;
#define call_LOCAL          call_local
#define call_HELPER         X_ABSENT /* never reached: prepare.c makes them X_HELPER */
#define call_KFUNC          X_ABSENT

/* Kinds without a second form; the others are defined in the loop. */
#define BACK_ALU(id)
#define BACK_NEG(id)
#define BACK_MOV(id)
#define BACK_END(id)
#define BACK_LDDW(id)
#define BACK_LDABS(id)
#define BACK_LDX(id)
#define BACK_ST(id)
#define BACK_STX(id)
#define BACK_ATOMIC(id)
#define BACK_CALL(id)
#define BACK_EXIT(id)

/* Compilers that know better would merge the indirect jumps into one, which costs a third. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("no-gcse", "no-crossjumping")
#endif

#define LOOP            run_guarded
#define LG(T)           (sizeof(T) == 8 ? 3 : sizeof(T) / 2)
#define ON_STACK(p, T)  (p - stack_lo <= stack_span - sizeof(T))
#define HIT(p, T, hits) (p - hit_of(x->hits, op)->base < hit_of(x->hits, op)->limit[LG(T)])
#define READABLE(p, T)                                                                             \
	(likely(ON_STACK(p, T)) || likely(HIT(p, T, loads)) || slow_load(x, op, p, sizeof(T)))
#define WRITABLE(p, T)                                                                             \
	(likely(ON_STACK(p, T)) || likely(HIT(p, T, stores)) || slow_store(x, op, p, sizeof(T)))
#define ALIGNED(p, T) (likely(!(p & (sizeof(T) - 1))) || misaligned(x, op, p, sizeof(T)))
#define ARGS_FIT(c)   (!(c)->spec || guard_args(&x->run, (c)->spec, &r[1]))
#define AFTER_HELPER  guard_refresh(x)
#define FRAME_OPENED  clear_frame(x)
#include "vm/interp_loop.h"
#undef LOOP
#undef READABLE
#undef WRITABLE
#undef ALIGNED
#undef ARGS_FIT
#undef AFTER_HELPER
#undef FRAME_OPENED

#define LOOP           run_bare
#define READABLE(p, T) true
#define WRITABLE(p, T) true
#define ALIGNED(p, T)  true
#define ARGS_FIT(c)    true
#define AFTER_HELPER   (void)0
#define FRAME_OPENED   (void)0
#include "vm/interp_loop.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC pop_options
#endif

/* --- runs ------------------------------------------------------------------------------------- */

const struct vm_labels *vm_labels(bool guard)
{
	return (const struct vm_labels *)(guard ? run_guarded : run_bare)(NULL, NULL, NULL);
}

static u64 run_from(struct vm_exec *x, const struct vm_op *op, const u64 args[5])
{
	return (x->run.vm->opts.no_guard ? run_bare : run_guarded)(x, op, args);
}

static const struct vm_op *callback_at(const struct vm_prog *p, u64 func)
{
	u64 off = func - (u64)p->ops, idx = off / sizeof(*p->ops);

	if (idx >= p->nr_ops || off % sizeof(*p->ops) || !p->is_func[idx])
		return NULL;
	return &p->ops[idx];
}

u64 vm_call(struct vm_run *run, u64 func, const u64 args[5])
{
	struct vm_exec *x = vm_exec_of(run);
	const struct vm_op *op = callback_at(run->prog, func);
	struct vm_prog *prog = run->prog;
	u32 insn = run->insn;
	u64 ret;

	if (run->err || !may_go_on(x))
		return 0;
	if (!op)
		return vm_fault(run, "%#llx is no function of this program",
				(unsigned long long)func);
	if (x->depth >= LIMIT_FRAMES)
		return vm_fault(run, "the call stack of %d frames is too deep", LIMIT_FRAMES + 1);
	x->depth++;
	if (!run->vm->opts.no_guard)
		clear_frame(x);
	ret = run_from(x, op, args);
	x->depth--;
	run->prog = prog;
	if (!run->err)
		run->insn = insn;
	return ret;
}

/* A run sees one CPU from its start to its end, as under migrate_disable. */
static void stay_on_cpu(const struct vm_env *env)
{
	map_set_cpu(env->cpu);
	if (env->cpu < 0)
		map_set_cpu((int)map_current_cpu());
}

/* All frames are left. What a run gives that has thrown: the cookie, or what is made of it. */
static u64 catch (struct vm_exec *x)
{
	const struct vm_prog *p = x->run.prog;
	const u64 args[5] = {x->run.thrown};
	u64 r0;

	x->run.err = 0;
	x->depth = 1;
	if (!p->prog->exception_func)
		return x->run.thrown;
	r0 = run_from(x, &p->ops[p->prog->funcs[p->prog->exception_func].start], args);
	return x->run.err == VM_THROWN ? x->run.thrown : r0;
}

static int exec(struct vm_prog *prog, struct vm_env *env, void *ctx, size_t ctx_size,
		const struct vm_op *op, const u64 args[5], u64 *ret, struct skep_diag *diag)
{
	struct vm_env nowhere = {.cpu = -1};
	u64 stack[LIMIT_FRAMES * LIMIT_STACK / sizeof(u64)] __attribute__((aligned(16)));
	struct vm_exec x;
	u64 r0;

	memset(&x, 0, offsetof(struct vm_exec, frames));
	x.run = (struct vm_run){.vm = prog->vm,
				.prog = prog,
				.env = env ?: &nowhere,
				.diag = diag,
				.ctx = ctx,
				.ctx_size = ctx_size,
				.heap_start = vm_heap_now(prog->vm->state),
				.budget = prog->vm->opts.max_insns};
	x.depth = 1;
	x.may_goto = LIMIT_MAY_GOTO;
	x.stack = stack;
	if (!prog->vm->opts.no_guard) {
		clear_frame(&x);
		guard_start(&x);
	}
	map_read_lock();
	stay_on_cpu(x.run.env);
	r0 = run_from(&x, op, args);
	if (x.run.err == VM_THROWN)
		r0 = catch (&x);
	guard_end(&x);
	map_set_cpu(-1);
	map_read_unlock();
	if (x.run.err < 0)
		return x.run.err;
	*ret = r0;
	return 0;
}

int vm_exec(struct vm_prog *prog, struct vm_env *env, void *ctx, size_t ctx_size, u64 *ret,
	    struct skep_diag *diag)
{
	const u64 args[5] = {(u64)ctx};

	return exec(prog, env, ctx, ctx_size, prog->ops, args, ret, diag);
}

int vm_exec_callback(struct vm_prog *prog, struct vm_env *env, u64 func, const u64 args[5],
		     u64 *ret, struct skep_diag *diag)
{
	const struct vm_op *op = callback_at(prog, func);

	if (!op)
		return diag_set(diag, -EFAULT, "%#llx is no function of program %s",
				(unsigned long long)func, prog->prog->name);
	return exec(prog, env, NULL, 0, op, args, ret, diag);
}
