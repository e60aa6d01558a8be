/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The kernel's log: instructions beside source lines, and what each left in registers and stack. */
#include "verifier/log.h"
#include "btf/types.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void vtext(struct env *env, const char *fmt, va_list ap)
{
	if (env->log.len < VERIFY_MAX_LOG)
		strbuf_vprintf(&env->log, fmt, ap);
}

void log_text(struct env *env, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vtext(env, fmt, ap);
	va_end(ap);
}

void log_trace(struct env *env, u32 level, const char *fmt, ...)
{
	va_list ap;

	if (env->log_level < level)
		return;
	va_start(ap, fmt);
	vtext(env, fmt, ap);
	va_end(ap);
}

void log_reset(struct env *env, size_t len)
{
	if (len >= env->log.len)
		return;
	env->log.len = len;
	env->log.s[len] = 0;
}

void log_source(struct env *env, u32 insn, const char *prefix)
{
	const struct prog_line *l, *was = env->log_line;
	const char *text, *file;

	if (!env->log_level)
		return;
	l = prog_line_at(env->prog, insn);
	if (!l || l == was || (was && l->line == was->line && !strcmp(l->file, was->file)))
		return;
	text = l->text + strspn(l->text, " \t\n\v\f\r");
	file = strrchr(l->file, '/');
	log_text(env, "%s%s @ %s:%u\n", prefix, text, file ? file + 1 : l->file, l->line);
	env->log_line = l;
}

static const char *call_name(void *ctx, const struct bpf_insn *insn, u32 idx)
{
	const struct env *env = ctx;
	const struct prog_ref *ref = prog_ref_at(env->prog, idx);

	return insn->code == (BPF_JMP | BPF_CALL) && ref ? ref->name : NULL;
}

void log_insn(struct env *env)
{
	struct isa_names names = {call_name, env};
	size_t start;

	if (!env->log_level)
		return;
	log_source(env, (u32)env->insn, "; ");
	start = env->log.len;
	log_text(env, "%d: (%02x) ", env->insn, env->insns[env->insn].code);
	isa_disasm(&env->log, env->insns + env->insn, env->nr - (u32)env->insn, (u32)env->insn,
		   &names);
	log_text(env, "\n");
	env->log_insn_len = (u32)(env->log.len - start);
	env->log_insn_end = env->log.len;
}

const char *log_tnum(char *buf, struct tnum t)
{
	if (tnum_is_const(t))
		snprintf(buf, 48, t.value <= UINT16_MAX ? "%" PRIu64 : "0x%" PRIx64, t.value);
	else
		snprintf(buf, 48, "(0x%" PRIx64 "; 0x%" PRIx64 ")", t.value, t.mask);
	return buf;
}

static void put_u(struct env *env, u64 x)
{
	log_text(env, x <= UINT16_MAX ? "%" PRIu64 : "0x%" PRIx64, x);
}

static void put_s(struct env *env, s64 x)
{
	if (x >= INT16_MIN && x <= INT16_MAX)
		log_text(env, "%" PRId64, x);
	else
		log_text(env, "0x%" PRIx64, (u64)x);
}

struct limit {
	const char *name;
	u64 value;
	bool omit;
};

static u64 short_s32(s64 x)
{
	return x >= INT16_MIN && x <= INT16_MAX ? (u64)x : (u32)x;
}

static bool is_negative(const struct limit *l)
{
	return l->name[0] == 's' && (s64)l->value < 0;
}

/* smin=umin=3,… : limits of the same value share it. */
static void put_ranges(struct env *env, const struct scalar *v, const char **sep)
{
	struct limit l[] = {
		{"smin", (u64)v->r.smin, v->r.smin == INT64_MIN},
		{"smax", (u64)v->r.smax, v->r.smax == INT64_MAX},
		{"umin", v->r.umin, v->r.umin == 0},
		{"umax", v->r.umax, v->r.umax == UINT64_MAX},
		{"smin32", short_s32(v->w.smin), v->w.smin == INT32_MIN},
		{"smax32", short_s32(v->w.smax), v->w.smax == INT32_MAX},
		{"umin32", v->w.umin, v->w.umin == 0},
		{"umax32", v->w.umax, v->w.umax == UINT32_MAX},
	};

	for (size_t i = 0; i < ARRAY_SIZE(l); i++) {
		if (l[i].omit)
			continue;
		log_text(env, "%s%s=", *sep, l[i].name);
		*sep = ",";
		for (size_t j = i + 2; j < ARRAY_SIZE(l); j += 2) {
			if (l[j].omit || l[j].value != l[i].value ||
			    is_negative(&l[j]) != is_negative(&l[i]))
				continue;
			l[j].omit = true;
			log_text(env, "%s=", l[j].name);
		}
		if (l[i].name[0] == 's')
			put_s(env, (s64)l[i].value);
		else
			put_u(env, l[i].value);
	}
}

#define put_item(env, sep, ...) (log_text(env, "%s", sep), log_text(env, __VA_ARGS__), sep = ",")

static const char *put_target(struct env *env, const struct reg *r, const char *sep)
{
	u32 kind = reg_kind(r);

	if (kind == REG_MAP_PTR || kind == REG_MAP_VALUE || kind == REG_MAP_KEY) {
		if (r->map->def->name && r->map->def->name[0])
			put_item(env, sep, "map=%.15s", r->map->def->name);
		put_item(env, sep, "ks=%u,vs=%u", r->map->def->key_size, r->map->def->value_size);
	}
	if (r->type != REG_SCALAR && r->off) {
		put_item(env, sep, "off=");
		put_s(env, r->off);
	}
	if (reg_is_pkt(r)) {
		put_item(env, sep, "r=");
		put_u(env, (u64)(s64)r->range);
	}
	if (kind == REG_MEM) {
		put_item(env, sep, "sz=");
		put_u(env, r->mem_size);
	}
	if (r->type == REG_DYNPTR)
		put_item(env, sep, "type=%s", log_dynptr_text(r->dynptr.kind));
	return sep;
}

static void put_value(struct env *env, const struct reg *r, const char *sep)
{
	char buf[48];

	if (tnum_is_const(r->v.t)) {
		if (r->v.t.value) {
			put_item(env, sep, "imm=");
			put_s(env, (s64)r->v.t.value);
		}
		return;
	}
	put_ranges(env, &r->v, &sep);
	if (~r->v.t.mask)
		put_item(env, sep, "var_off=%s", log_tnum(buf, r->v.t));
}

static void put_reg(struct env *env, u32 frameno, const struct reg *r)
{
	char text[REG_TEXT_SIZE];
	const char *sep = "";

	if (r->type == REG_SCALAR && r->precise)
		log_text(env, "P");
	if (r->type == REG_SCALAR && tnum_is_const(r->v.t)) {
		put_s(env, (s64)r->v.t.value);
		return;
	}
	log_text(env, "%s", reg_type_text(text, r->type));
	if (r->type == REG_ARENA)
		return;
	if (r->type == REG_STACK) {
		if (frameno != r->frame)
			log_text(env, "[%u]", r->frame);
		if (tnum_is_const(r->v.t)) {
			put_s(env, (s64)r->v.t.value + r->off);
			return;
		}
	}
	if (reg_kind(r) == REG_BTF)
		log_text(env, "%s", types_name(r->btf, r->btf_id));
	log_text(env, "(");
	if (r->id)
		put_item(env, sep, "id=%u", r->id & ~REG_ADD_CONST);
	if (r->id & REG_ADD_CONST)
		log_text(env, "%+d", r->off);
	if (r->ref)
		put_item(env, sep, "ref_obj_id=%u", r->ref);
	if (r->type & REG_NON_OWN)
		put_item(env, sep, "non_own_ref");
	sep = put_target(env, r, sep);
	put_value(env, r, sep);
	log_text(env, ")");
}

const char *log_dynptr_text(u8 kind)
{
	static const char *const texts[] = {
		[DYNPTR_NONE] = "<invalid>", [DYNPTR_LOCAL] = "local", [DYNPTR_RINGBUF] = "ringbuf",
		[DYNPTR_SKB] = "skb",        [DYNPTR_XDP] = "xdp",
	};

	return kind < ARRAY_SIZE(texts) ? texts[kind] : "<unknown>";
}

static void put_iter(struct env *env, u32 spi, const char *live, const struct reg *r)
{
	static const char *const texts[] = {"<invalid>", "active", "drained"};
	const char *name = types_name(r->iter.btf, r->iter.btf_id);

	if (!strncmp(name, "bpf_iter_", 9))
		name += 9;
	log_text(env, " fp%d%s=iter_%s(ref_id=%u,state=%s,depth=%u)", -(int)(spi + 1) * 8, live,
		 name, r->ref, texts[r->iter.state], r->iter.depth);
}

static void put_dynptr(struct env *env, u32 spi, const char *live, const struct reg *r)
{
	const char *sep = "";

	log_text(env, " fp%d%s=dynptr_%s(", -(int)(spi + 1) * 8, live,
		 log_dynptr_text(r->dynptr.kind));
	if (r->id)
		put_item(env, sep, "id=%u", r->id);
	if (r->ref)
		put_item(env, sep, "ref_id=%u", r->ref);
	log_text(env, ")");
}

/* Returns how many slots it told of. */
static u32 put_slot(struct env *env, const struct frame *f, u32 spi)
{
	static const char chars[] = "?rm0di";
	const struct slot *s = &f->slots[spi];
	const char *live = f->slots_written >> spi & 1 ? "_w" : "";
	char text[9] = "";
	bool any = false;

	for (int i = 0; i < 8; i++) {
		any |= s->kind[i] != SLOT_INVALID;
		text[i] = chars[s->kind[i]];
	}
	if (!any)
		return 1;
	if (s->kind[7] == SLOT_SPILL) {
		text[strcspn(text, "r")] = 0;
		log_text(env, " fp%d%s=%s", -(int)(spi + 1) * 8, live, text);
		put_reg(env, f->frameno, &s->reg);
	} else if (s->kind[7] == SLOT_DYNPTR && spi + 1 < f->nr_slots) {
		put_dynptr(env, spi + 1, live, &f->slots[spi + 1].reg);
		return 2;
	} else if (s->kind[7] == SLOT_ITER) {
		if (s->reg.ref)
			put_iter(env, spi, live, &s->reg);
	} else {
		log_text(env, " fp%d%s=%s", -(int)(spi + 1) * 8, live, text);
	}
	return 1;
}

void log_frame(struct env *env, const struct state *st, u32 frameno, bool all)
{
	const struct frame *f = st->frames[frameno];

	if (frameno)
		log_text(env, " frame%u:", frameno);
	for (u32 i = 0; i < STATE_NR_REGS; i++) {
		if (f->regs[i].type == REG_NONE || (!all && !(env->scratched_regs >> i & 1)))
			continue;
		log_text(env, " R%u%s=", i, i < BPF_REG_10 && f->regs_written >> i & 1 ? "_w" : "");
		put_reg(env, frameno, &f->regs[i]);
	}
	for (u32 i = 0; i < f->nr_slots;) {
		if (!all && !(env->scratched_slots >> i & 1))
			i++;
		else
			i += put_slot(env, f, i);
	}
	for (u32 i = 0; i < st->nr_refs; i++)
		log_text(env, "%s%u", i ? "," : " refs=", st->refs[i].id);
	if (f->in_callback)
		log_text(env, " cb");
	if (f->in_async)
		log_text(env, " async_cb");
	log_text(env, "\n");
	if (!all)
		env->scratched_regs = 0, env->scratched_slots = 0;
}

/* Columns 8 apart, from 40 on. */
static u32 padding(u32 pos)
{
	u32 to = pos + 4 > 40 ? pos + 4 : 40;

	return (to + 7) / 8 * 8 - pos - 1;
}

void log_insn_state(struct env *env)
{
	if (!env->log_level)
		return;
	if (env->log_insn_end && env->log_insn_end == env->log.len) {
		log_reset(env, env->log_insn_end - 1);
		log_text(env, "%*c;", (int)padding(env->log_insn_len), ' ');
	} else {
		log_text(env, "%d:", env->insn);
	}
	log_frame(env, env->cur, env->cur->cur, false);
}
