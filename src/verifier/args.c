/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Arguments of calls: arg_kinds[] says which registers fit a kind and who looks closer. */
#include "btf/types.h"
#include "verifier/helper.h"
#include "verifier/kfunc.h"
#include "verifier/slots.h"
#include <string.h>

#define MAX_VAR_SIZE (1 << 29) /* BPF_MAX_VAR_SIZ */

enum class {
	NO_CLASS,
	MAP_PTR,
	KEY,
	VALUE,
	MEM,
	SIZE,
	ALLOC_SIZE,
	CTX,
	ANY,
	SCALAR,
	LOCK,
	SOCK_COMMON,
	SOCKET,
	BTF,
	BTF_SOCK,
	RINGBUF_MEM,
	PERCPU,
	FUNC,
	STACK,
	STR,
	TIMER,
	KPTR,
	DYNPTR,
};

enum {
	NULLABLE = 1,
	RDONLY = 2,
	UNINIT = 4,
	WRITE = 8,
	RELEASE = 16,
	FIXED = 32,
	ALIGNED = 64,
	ZERO_OK = 128,
	RINGBUF = 256,
};

#define MAX_TYPES 9
struct types_row {
	u32 types[MAX_TYPES];
};

static const struct types_row fit[] = {
	[MAP_PTR] = {{REG_MAP_PTR}},
	[KEY] = {{REG_STACK, REG_PKT, REG_PKT_META, REG_MAP_KEY, REG_MAP_VALUE, REG_MEM,
		  REG_MEM | REG_RINGBUF, REG_BUF, REG_BTF | REG_TRUSTED}},
	[SIZE] = {{REG_SCALAR}},
	[ALLOC_SIZE] = {{REG_SCALAR}},
	[CTX] = {{REG_CTX}},
	[SCALAR] = {{REG_SCALAR}},
	[LOCK] = {{REG_MAP_VALUE, REG_BTF | REG_ALLOC}},
	[SOCK_COMMON] = {{REG_SOCK_COMMON, REG_SOCK, REG_TCP_SOCK, REG_XDP_SOCK}},
	[SOCKET] = {{REG_SOCK}},
	[BTF] = {{REG_BTF, REG_BTF | REG_TRUSTED, REG_BTF | REG_RCU}},
	[BTF_SOCK] = {{REG_SOCK_COMMON, REG_SOCK, REG_TCP_SOCK, REG_XDP_SOCK, REG_BTF,
		       REG_BTF | REG_TRUSTED}},
	[RINGBUF_MEM] = {{REG_MEM | REG_RINGBUF}},
	[PERCPU] = {{REG_BTF | REG_PERCPU, REG_BTF | REG_PERCPU | REG_RCU,
		     REG_BTF | REG_PERCPU | REG_TRUSTED}},
	[FUNC] = {{REG_FUNC}},
	[STACK] = {{REG_STACK}},
	[STR] = {{REG_MAP_VALUE}},
	[TIMER] = {{REG_MAP_VALUE}},
	[KPTR] = {{REG_MAP_VALUE, REG_BTF | REG_ALLOC}},
	[DYNPTR] = {{REG_STACK, REG_DYNPTR}},
};

static const struct arg_row {
	enum class class;
	u32 flags;
} arg_kinds[] = {
	[ARG_CONST_MAP_PTR] = {MAP_PTR, 0},
	[ARG_PTR_TO_MAP_KEY] = {KEY, 0},
	[ARG_PTR_TO_MAP_VALUE] = {VALUE, 0},
	[ARG_PTR_TO_MAP_VALUE_OR_NULL] = {VALUE, NULLABLE},
	[ARG_PTR_TO_UNINIT_MAP_VALUE] = {VALUE, UNINIT | WRITE},
	[ARG_PTR_TO_MEM] = {MEM, 0},
	[ARG_PTR_TO_MEM_OR_NULL] = {MEM, NULLABLE},
	[ARG_PTR_TO_MEM_RDONLY] = {MEM, RDONLY},
	[ARG_PTR_TO_MEM_RDONLY_OR_NULL] = {MEM, RDONLY | NULLABLE},
	[ARG_PTR_TO_MEM_WRITE] = {MEM, WRITE},
	[ARG_PTR_TO_UNINIT_MEM] = {MEM, UNINIT | WRITE},
	[ARG_PTR_TO_FIXED_SIZE_MEM] = {MEM, FIXED},
	[ARG_PTR_TO_FIXED_SIZE_MEM_WRITE] = {MEM, FIXED | WRITE | ALIGNED},
	[ARG_PTR_TO_FIXED_SIZE_UNINIT_MEM] = {MEM, FIXED | UNINIT | WRITE | ALIGNED},
	[ARG_CONST_SIZE] = {SIZE, 0},
	[ARG_CONST_SIZE_OR_ZERO] = {SIZE, ZERO_OK},
	[ARG_CONST_ALLOC_SIZE_OR_ZERO] = {ALLOC_SIZE, 0},
	[ARG_PTR_TO_CTX] = {CTX, 0},
	[ARG_PTR_TO_CTX_OR_NULL] = {CTX, NULLABLE},
	[ARG_ANYTHING] = {ANY, 0},
	[ARG_SCALAR] = {SCALAR, 0},
	[ARG_PTR_TO_SPIN_LOCK] = {LOCK, 0},
	[ARG_PTR_TO_SOCK_COMMON] = {SOCK_COMMON, 0},
	[ARG_PTR_TO_SOCKET] = {SOCKET, 0},
	[ARG_PTR_TO_SOCKET_OR_NULL] = {SOCKET, NULLABLE},
	[ARG_PTR_TO_BTF_ID] = {BTF, 0},
	[ARG_PTR_TO_BTF_ID_OR_NULL] = {BTF, NULLABLE},
	[ARG_PTR_TO_BTF_ID_OR_NULL_RELEASE] = {BTF, NULLABLE | RELEASE},
	[ARG_PTR_TO_BTF_ID_SOCK_COMMON] = {BTF_SOCK, 0},
	[ARG_PTR_TO_BTF_ID_SOCK_COMMON_OR_NULL] = {BTF_SOCK, NULLABLE},
	[ARG_PTR_TO_BTF_ID_SOCK_COMMON_RELEASE] = {BTF_SOCK, RELEASE},
	[ARG_PTR_TO_RINGBUF_MEM] = {RINGBUF_MEM, RELEASE},
	[ARG_PTR_TO_PERCPU_BTF_ID] = {PERCPU, 0},
	[ARG_PTR_TO_FUNC] = {FUNC, 0},
	[ARG_PTR_TO_STACK_OR_NULL] = {STACK, NULLABLE},
	[ARG_PTR_TO_CONST_STR] = {STR, 0},
	[ARG_PTR_TO_TIMER] = {TIMER, 0},
	[ARG_KPTR_XCHG_DEST] = {KPTR, 0},
	[ARG_PTR_TO_DYNPTR] = {DYNPTR, RDONLY},
	[ARG_PTR_TO_DYNPTR_UNINIT_LOCAL] = {DYNPTR, UNINIT},
	[ARG_PTR_TO_DYNPTR_UNINIT_RINGBUF] = {DYNPTR, UNINIT | RINGBUF},
	[ARG_PTR_TO_DYNPTR_RINGBUF_RELEASE] = {DYNPTR, RINGBUF | RELEASE},
};

/* --- memory ---------------------------------------------------------------------------------- */

static int call_mem_ctx(struct env *env, u32 regno, int size, enum access rw, bool zero_ok)
{
	struct mem_access a = {.regno = regno, .off = size - 1, .size = 1, .rw = rw, .value = -1};

	if (!size)
		return zero_ok ? 0 : reject_zero_read(env);
	return mem_access(env, &a);
}

static int readonly(struct env *env, const struct reg *r, u32 regno, enum access rw)
{
	char text[REG_TEXT_SIZE];

	return rw == ACCESS_WRITE
		       ? reject_write_readonly(env, (int)regno, reg_type_text(text, r->type))
		       : 0;
}

static int not_memory(struct env *env, const struct reg *r, u32 regno, int size, bool zero_ok)
{
	char text[REG_TEXT_SIZE];

	if (zero_ok && !size && reg_is_null(r))
		return 0;
	return reject_reg_type_memory(env, (int)regno, reg_type_text(text, r->type));
}

int check_call_mem(struct env *env, u32 regno, int size, enum access rw, bool zero_ok,
		   struct call_mem *cm)
{
	const struct reg *r = &env_regs(env)[regno];
	struct mem_access a = {.regno = regno, .size = size, .rw = ACCESS_READ, .value = -1};
	bool rdonly = r->type & REG_RDONLY;
	int err = 0;

	switch (reg_kind(r)) {
	case REG_PKT:
	case REG_PKT_META:
		return check_packet(env, regno, r->off, size, zero_ok);
	case REG_MAP_KEY:
		err = readonly(env, r, regno, rw);
		return err ? err
			   : check_region(env, regno, r->off, size, r->map->def->key_size, false);
	case REG_MAP_VALUE:
		err = check_map_rw(env, regno, r->off, size, rw);
		return err ? err : check_map_access(env, regno, r->off, size, zero_ok, false);
	case REG_MEM:
		err = rdonly ? readonly(env, r, regno, rw) : 0;
		return err ? err : check_region(env, regno, r->off, size, r->mem_size, zero_ok);
	case REG_BUF:
		err = rdonly ? readonly(env, r, regno, rw) : 0;
		return err ? err
			   : check_buffer(env, r, regno, r->off, size, rdonly ? "rdonly" : "rdwr");
	case REG_STACK:
		return check_stack_init(env, regno, r->off, size, zero_ok, false, cm);
	case REG_BTF:
		return mem_btf(env, &a, r->off);
	case REG_CTX:
		if (ctx_is_read_as_is(env))
			return call_mem_ctx(env, regno, size, rw, zero_ok);
		return not_memory(env, r, regno, size, zero_ok);
	default:
		return not_memory(env, r, regno, size, zero_ok);
	}
}

int args_check_sizes(struct env *env, const struct reg *r, u32 regno, enum access rw, bool zero_ok,
		     struct call *c, struct call_mem *cm)
{
	int err;

	if (c)
		c->size_max = r->v.r.umax;
	if (!tnum_is_const(r->v.t))
		cm = NULL; /* nobody knows how much is written */
	if (r->v.r.smin < 0)
		return reject_size_negative(env, (int)regno);
	if (!r->v.r.umin && !zero_ok)
		return reject_size_zero(env, (int)regno, (long long)r->v.r.umin,
					(long long)r->v.r.umax);
	if (r->v.r.umax >= MAX_VAR_SIZE)
		return reject_size_unbounded(env, (int)regno);
	err = check_call_mem(env, regno - 1, (int)r->v.r.umax, rw, zero_ok, cm);
	return err ? err : precise_mark(env, (int)regno);
}

/* Memory of a known size that is read and written; may be NULL. */
int args_check_mem(struct env *env, struct reg *r, u32 regno, u32 size)
{
	struct reg saved = *r;
	int err;

	if (reg_is_null(r))
		return 0;
	if (r->type & REG_MAYBE_NULL)
		reg_mark_not_null(r);
	err = check_call_mem(env, regno, (int)size, ACCESS_READ, true, NULL);
	if (!err)
		err = check_call_mem(env, regno, (int)size, ACCESS_WRITE, true, NULL);
	if (saved.type & REG_MAYBE_NULL)
		*r = saved;
	return err;
}

/* --- kinds of registers ---------------------------------------------------------------------- */

static int bad_type(struct env *env, const struct reg *r, u32 regno, const struct types_row *row)
{
	char want[MAX_TYPES * REG_TEXT_SIZE] = "", text[REG_TEXT_SIZE];

	for (int i = 0; i < MAX_TYPES && row->types[i]; i++) {
		if (i)
			strcat(want, ", ");
		strcat(want, reg_type_text(text, row->types[i]));
	}
	return reject_reg_type(env, (int)regno, reg_type_text(text, r->type), want);
}

static const struct types_row *types_of(enum class class)
{
	return &fit[class == VALUE || class == MEM ? KEY : class];
}

static bool type_fits(const struct types_row *row, u32 type)
{
	for (int i = 0; i < MAX_TYPES && row->types[i]; i++)
		if (row->types[i] == type)
			return true;
	return false;
}

static const char *func_name(const struct call *c)
{
	return c->h->name;
}

/* A typed pointer must be to what the helper wants, or begin with it. */
static int check_btf_type(struct env *env, u32 regno, const char *want, const struct arg_row *row,
			  bool strict)
{
	const struct reg *r = &env_regs(env)[regno];
	u32 id = want && env->kbtf ? types_find(env->kbtf, want, BTF_KIND_STRUCT) : 0;

	if ((r->type & REG_MAYBE_NULL) && (!(row->flags & NULLABLE) || (row->flags & RELEASE)))
		return reject_maybe_null_arg(env, (int)regno);
	if (!id)
		return reject_not_modelled(env, "this kernel object as an argument");
	if (!btf_ids_match(env, r->btf, r->btf_id, r->off, env->kbtf, id, strict,
			   !(r->type & REG_ALLOC)))
		return reject_btf_type(env, (int)regno, types_name(r->btf, r->btf_id), want);
	return 0;
}

int args_check_btf(struct env *env, u32 regno, u32 btf_id, bool nullable)
{
	const struct arg_row row = {BTF, nullable ? NULLABLE : 0};
	const struct reg *r = &env_regs(env)[regno];
	u32 type = nullable ? r->type & ~REG_MAYBE_NULL : r->type;

	if (!type_fits(&fit[BTF], type))
		return bad_type(env, r, regno, &fit[BTF]);
	return check_btf_type(env, regno, types_name(env->kbtf, btf_id), &row, false);
}

static int check_type(struct env *env, struct call *c, u32 arg, const struct arg_row *row)
{
	u32 regno = arg + 1;
	const struct reg *r = &env_regs(env)[regno];
	const struct types_row *types = types_of(row->class);
	bool xchg = c->func == SPEC_HELPER_kptr_xchg && regno == BPF_REG_2;
	const char *want = NULL;
	char text[REG_TEXT_SIZE];
	u32 type = r->type;

	if (row->flags & RDONLY)
		type &= ~REG_RDONLY;
	if (row->flags & NULLABLE)
		type &= ~REG_MAYBE_NULL;
	if (row->class == MEM)
		type &= ~(REG_SLICE_SKB | REG_SLICE_XDP);
	if (xchg && (type & REG_ALLOC))
		type &= ~(REG_ALLOC | REG_PERCPU);
	if (!type_fits(types, type))
		return bad_type(env, r, regno, types);
	if (reg_kind(r) != REG_BTF)
		return 0;
	if (types == &fit[KEY])
		return row->flags & RDONLY ? 0
					   : reject_may_write_btf(env, func_name(c), (int)regno,
								  reg_type_text(text, r->type));
	if (xchg && (r->type & REG_MAYBE_NULL))
		return reject_maybe_null_arg(env, (int)regno);
	if (xchg)
		return check_kptr_value(env, c->kptr, r, regno);
	if (r->type & (REG_ALLOC | REG_PERCPU))
		return 0; /* a lock, a kptr's place, per-CPU pointers */
	want = row->class == BTF_SOCK ? "sock_common" : helper_btf_arg(env, (s32)c->func, arg);
	return check_btf_type(env, regno, want, row,
			      (row->flags & RELEASE) && c->func != SPEC_HELPER_sk_release);
}

int args_check_offset(struct env *env, const struct reg *r, u32 regno, bool release)
{
	if (release) {
		if (r->off)
			return reject_release_offset(env, (int)regno);
		return check_ptr_off(env, r, regno, false);
	}
	switch (r->type) {
	case REG_STACK:
	case REG_PKT:
	case REG_PKT_META:
	case REG_MAP_KEY:
	case REG_MAP_VALUE:
	case REG_MEM:
	case REG_MEM | REG_RDONLY:
	case REG_MEM | REG_RINGBUF:
	case REG_BUF:
	case REG_BUF | REG_RDONLY:
	case REG_ARENA:
	case REG_SCALAR:
		return 0;
	case REG_BTF:
	case REG_BTF | REG_ALLOC:
	case REG_BTF | REG_TRUSTED:
	case REG_BTF | REG_RCU:
	case REG_BTF | REG_ALLOC | REG_NON_OWN:
	case REG_BTF | REG_ALLOC | REG_NON_OWN | REG_RCU:
		return check_ptr_off(env, r, regno, true);
	default:
		return check_ptr_off(env, r, regno, false);
	}
}

/* --- what looks closer ----------------------------------------------------------------------- */

static const struct field *the_field(const struct fields *fs, u32 kind)
{
	for (u32 i = 0; fs && i < fs->nr; i++)
		if (fs->f[i].kind & kind)
			return &fs->f[i];
	return NULL;
}

int args_check_lock(struct env *env, u32 regno, bool lock)
{
	struct reg *r = &env_regs(env)[regno];
	struct state *st = env->cur;
	const struct field *f = the_field(reg_fields(env, r), FIELD_SPIN_LOCK);
	bool is_map = r->type == REG_MAP_VALUE;
	const void *owner = is_map ? (const void *)r->map : (const void *)r->btf;
	u64 at = r->v.t.value + (u64)(s64)r->off;

	if (!tnum_is_const(r->v.t))
		return reject_lock_variable(env, (int)regno);
	if (is_map && !r->map->def->value_type_id)
		return reject_lock_no_btf(env, r->map->def->name);
	if (!f)
		return reject_no_lock(env, is_map ? "map" : "local",
				      is_map ? r->map->def->name : "kptr");
	if (f->off != at)
		return reject_lock_offset(env, (long long)at, (int)f->off);
	if (lock) {
		if (st->lock)
			return reject_two_locks(env);
		st->lock = owner;
		st->lock_id = r->id;
		return 0;
	}
	if (!st->lock)
		return reject_unlock_without(env);
	if (st->lock != owner || st->lock_id != r->id)
		return reject_unlock_other(env);
	clear_non_owning(env);
	st->lock = NULL;
	st->lock_id = 0;
	return 0;
}

static int check_timer(struct env *env, struct call *c, u32 regno)
{
	const struct reg *r = &env_regs(env)[regno];
	const struct field *f = the_field(r->map->fields, FIELD_TIMER);
	u64 at = r->v.t.value + (u64)(s64)r->off;

	if (!tnum_is_const(r->v.t))
		return reject_timer_variable(env, (int)regno);
	if (!r->map->def->value_type_id)
		return reject_timer_no_btf(env, r->map->def->name);
	if (!f)
		return reject_no_timer(env, r->map->def->name);
	if (f->off != at)
		return reject_timer_offset(env, (long long)at, (int)f->off);
	c->map = r->map;
	c->map_uid = r->map_uid;
	return 0;
}

static int check_kptr(struct env *env, struct call *c, u32 regno)
{
	const struct reg *r = &env_regs(env)[regno];
	const struct fields *fs = reg_fields(env, r);
	u32 off = (u32)r->off + (u32)r->v.t.value;

	if (reg_kind(r) == REG_MAP_VALUE) {
		if (!r->map->def->value_type_id)
			return reject_kptr_no_btf(env, r->map->def->name);
		c->map = r->map;
	}
	if (!tnum_is_const(r->v.t))
		return reject_kptr_dest_variable(env, (int)regno);
	if (!fields_have(fs, FIELD_KPTR))
		return reject_no_kptr(env, (int)regno);
	c->kptr = fields_find(fs, off, FIELD_KPTR);
	if (!c->kptr)
		return reject_kptr_place(env, (int)off);
	if (c->kptr->kind == FIELD_KPTR_UNREF)
		return reject_kptr_not_ref(env, (int)off);
	return 0;
}

int args_check_str(struct env *env, const struct reg *r, u32 regno)
{
	u64 off = (u64)(s64)r->off + r->v.t.value;
	int err;

	if (r->type != REG_MAP_VALUE || !r->map->data)
		return reject_str_not_readonly(env, (int)regno);
	if (!tnum_is_const(r->v.t))
		return reject_str_variable(env, (int)regno);
	err = check_map_access(env, regno, r->off, (int)r->map->def->value_size - r->off, false,
			       false);
	if (err)
		return err;
	if (off >= r->map->data_size ||
	    !memchr(r->map->data + off, 0, r->map->data_size - (size_t)off))
		return reject_str_unterminated(env);
	return 0;
}

static int write_dynptr(struct env *env, u32 regno)
{
	for (int i = 0; i < 16; i += 8) {
		struct mem_access a = {
			.regno = regno, .off = i, .size = 8, .rw = ACCESS_WRITE, .value = -1};
		int err = mem_access(env, &a);

		if (err)
			return err;
	}
	return 0;
}

int args_check_dynptr(struct env *env, u32 regno, enum dynptr_kind kind, bool uninit, bool rdonly,
		      u32 clone_ref)
{
	struct reg *r = &env_regs(env)[regno];
	const struct reg *d;
	int err;

	if (r->type != REG_STACK && r->type != REG_DYNPTR)
		return reject_dynptr_arg(env, (int)regno - 1);
	if (uninit) {
		if (!dynptr_may_init(env, r))
			return reject_dynptr_not_uninit(env);
		err = write_dynptr(env, regno);
		if (!err)
			err = dynptr_mark(env, r, kind, (u32)env->insn, clone_ref);
		return err;
	}
	if (r->type == REG_DYNPTR && !rdonly)
		return reject_dynptr_const(env);
	if (!dynptr_is_init(env, r))
		return reject_dynptr_not_init(env, (int)regno - 1);
	d = dynptr_reg(env, r);
	if (kind && d->dynptr.kind != kind)
		return reject_dynptr_kind(env, log_dynptr_text((u8)kind), (int)regno - 1);
	if (r->type != REG_DYNPTR) {
		u32 spi = (u32)((const struct slot *)d - env_frame_of(env, r)->slots);

		live_read_slot(env, r->frame, spi);
		live_read_slot(env, r->frame, spi - 1);
	}
	return 0;
}

static int release_arg(struct env *env, struct call *c, u32 regno, const struct arg_row *row)
{
	const struct reg *r = &env_regs(env)[regno];

	c->release = regno;
	if (row->class != DYNPTR)
		return !r->ref && !reg_is_null(r) ? reject_not_referenced(env, (int)regno) : 0;
	if (r->type == REG_DYNPTR)
		return reject_release_const_dynptr(env);
	r = dynptr_is_init(env, r) ? dynptr_reg(env, r) : NULL;
	return r && r->ref ? 0 : reject_unacquired(env, (int)regno);
}

static int take_map(struct env *env, struct call *c, const struct reg *r)
{
	if (c->map && (c->map != r->map || c->map_uid != r->map_uid))
		return reject_timer_map(env, (int)c->map_uid, (int)r->map_uid);
	c->map = r->map;
	c->map_uid = r->map_uid;
	return 0;
}

static int fixed_mem(struct env *env, struct call *c, u32 arg, const struct arg_row *row)
{
	u32 regno = arg + 1, size = c->h->fixed_size[arg];
	const struct reg *r = &env_regs(env)[regno];
	char text[48];
	int err = check_call_mem(env, regno, (int)size,
				 row->flags & WRITE ? ACCESS_WRITE : ACCESS_READ, false, &c->mem);

	if (err || !(row->flags & ALIGNED) || r->type == REG_ARENA ||
	    tnum_is_aligned(tnum_add(r->v.t, tnum_const((u64)(s64)r->off)), size))
		return err;
	return reject_misaligned(env, reg_align_text(r->type), log_tnum(text, r->v.t), r->off, 0,
				 (int)size);
}

static int map_mem_arg(struct env *env, struct call *c, u32 regno, const struct arg_row *row)
{
	const struct reg *r = &env_regs(env)[regno];

	if (row->class == KEY)
		return c->map ? check_call_mem(env, regno, (int)c->map->def->key_size, ACCESS_READ,
					       false, NULL)
			      : reject_no_map_key(env);
	if ((row->flags & NULLABLE) && reg_is_null(r))
		return 0;
	if (!c->map)
		return reject_no_map_value(env);
	c->mem.uninit = row->flags & UNINIT;
	return check_call_mem(env, regno, (int)c->map->def->value_size,
			      row->flags & WRITE ? ACCESS_WRITE : ACCESS_READ, false, &c->mem);
}

static int alloc_size(struct env *env, struct call *c, u32 regno)
{
	const struct reg *r = &env_regs(env)[regno];

	if (!tnum_is_const(r->v.t))
		return reject_size_not_const(env, (int)regno);
	c->alloc_size = (u32)r->v.t.value;
	return precise_mark(env, (int)regno);
}

static int look_closer(struct env *env, struct call *c, u32 arg, const struct arg_row *row)
{
	u32 regno = arg + 1;
	const struct reg *r = &env_regs(env)[regno];
	const struct arg_row *before = arg ? &arg_kinds[args_kind(env, c->h, arg - 1)] : row;

	switch (row->class) {
	case MAP_PTR:
		return take_map(env, c, r);
	case KEY:
	case VALUE:
		return map_mem_arg(env, c, regno, row);
	case MEM:
		c->mem.uninit = row->flags & UNINIT;
		return row->flags & FIXED ? fixed_mem(env, c, arg, row) : 0;
	case SIZE:
		return args_check_sizes(env, r, regno,
					before->flags & WRITE ? ACCESS_WRITE : ACCESS_READ,
					row->flags & ZERO_OK, c, &c->mem);
	case ALLOC_SIZE:
		return alloc_size(env, c, regno);
	case PERCPU:
		c->ret_btf = r->btf;
		c->ret_id = r->btf_id;
		return 0;
	case LOCK:
		if (graph_in_callback(env))
			return reject_lock_in_callback(env);
		return args_check_lock(env, regno, c->func == SPEC_HELPER_spin_lock);
	case TIMER:
		return check_timer(env, c, regno);
	case FUNC:
		c->subprog = r->subprog;
		return 0;
	case STR:
		return args_check_str(env, r, regno);
	case KPTR:
		return check_kptr(env, c, regno);
	case DYNPTR:
		return args_check_dynptr(env, regno,
					 row->flags & RINGBUF  ? DYNPTR_RINGBUF
					 : row->flags & UNINIT ? DYNPTR_LOCAL
							       : DYNPTR_NONE,
					 row->flags & UNINIT, row->flags & RDONLY, 0);
	default:
		return 0;
	}
}

static int sockmap_value(struct env *env, struct call *c, const struct arg_row **row)
{
	static const struct arg_row sock = {BTF_SOCK, 0};
	static const struct arg_row readable = {VALUE, 0};

	if (!c->map)
		return reject_no_map_type(env);
	if (c->map->def->type == SPEC_MAP_SOCKMAP || c->map->def->type == SPEC_MAP_SOCKHASH) {
		if ((*row)->flags)
			return reject_sockmap_arg(env);
		*row = &sock;
	} else if (c->map->def->type == SPEC_MAP_BLOOM_FILTER &&
		   c->func == SPEC_HELPER_map_peek_elem) {
		*row = &readable;
	}
	return 0;
}

int args_check(struct env *env, struct call *c, u32 arg)
{
	enum spec_arg kind = args_kind(env, c->h, arg);
	const struct arg_row *row = &arg_kinds[kind];
	u32 regno = arg + 1;
	struct reg *r = &env_regs(env)[regno];
	bool null_ok;
	int err;

	if (kind == ARG_NONE)
		return 0;
	err = check_reg(env, regno, USE_SRC);
	if (err)
		return err;
	if (row->class == ANY)
		return is_pointer_value(env, r) ? reject_leak_helper(env, (int)regno) : 0;
	if (reg_is_pkt(r) && !pkt_may_access(env, &c->mem.pkt_access, ACCESS_READ))
		return reject_helper_packet(env);
	if (row->class == VALUE)
		err = sockmap_value(env, c, &row);
	if (err)
		return err;
	null_ok = (row->flags & NULLABLE) && reg_is_null(r);
	if (null_ok) {
		err = precise_mark(env, (int)regno);
	} else {
		err = check_type(env, c, arg, row);
		if (!err &&
		    !(row->class == DYNPTR && (row->flags & RELEASE) && r->type == REG_STACK))
			err = args_check_offset(env, r, regno, row->flags & RELEASE);
	}
	if (!err && (row->flags & RELEASE))
		err = release_arg(env, c, regno, row);
	if (err)
		return err;
	if (r->ref && row->class != KPTR) {
		if (c->ref)
			return reject_two_refs(env, (int)regno, r->ref, c->ref);
		c->ref = r->ref;
	}
	return look_closer(env, c, arg, row);
}
