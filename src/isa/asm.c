/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Text to instructions, by the same templates that make text of them: a line is held against each
 * row of opcodes.def in turn, and the first whose template it matches and whose rules the result
 * obeys is it. So everything that isa_disasm prints without names leads back to the same bytes.
 *
 * Beyond that text: labels ("again:", "goto again", "call again"), blanks anywhere between words,
 * hexadecimal where decimal is printed, helper names without their number, "r1 = 5 ll", and what
 * listings put in front of an instruction ("12: (b7) ").
 */
#include "base/mem.h"
#include "base/vec.h"
#include "isa/row.h"
#include "spec/limits.h"
#include "spec/spec.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE 512 /* no instruction's text comes near it */

struct word {
	const char *s;
	size_t len;
};

struct label {
	struct word name;
	u32 slot;
};

struct fixup {
	u32 slot, line;
	struct word name; /* in the program's text */
	bool in_imm;
};

struct asm_state {
	VEC(struct bpf_insn) insns;
	VEC(struct label) labels;
	VEC(struct fixup) fixups;
	u32 line;
	struct skep_diag *diag;
};

/* A line held against a template. */
struct match {
	const struct asm_state *as;
	const char *s; /* what is left of the line */
	struct bpf_insn insn[2];
	bool has_dst, has_src, has_imm;
	struct word label; /* len 0: none */
	bool label_in_imm;
};

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '$';
}

static struct word take_word(const char *s)
{
	struct word w = {s, 0};

	while (is_word_char(s[w.len]))
		w.len++;
	return w;
}

static struct label *find_label(const struct asm_state *as, struct word w)
{
	for (size_t i = 0; i < as->labels.nr; i++) {
		struct label *l = &as->labels.data[i];

		if (l->name.len == w.len && !memcmp(l->name.s, w.s, w.len))
			return l;
	}
	return NULL;
}

static void skip_blanks(struct match *m)
{
	while (*m->s == ' ' || *m->s == '\t')
		m->s++;
}

static bool take_string(struct match *m, const char *want)
{
	size_t len = strlen(want);

	if (strncmp(m->s, want, len))
		return false;
	m->s += len;
	return true;
}

/* --- numbers -------------------------------------------------------------------------------- */

/* Digits without a sign; false when there are none or they do not fit. */
static bool take_u64(struct match *m, u64 *ret)
{
	bool hex = m->s[0] == '0' && (m->s[1] | 0x20) == 'x' && isxdigit((unsigned char)m->s[2]);
	unsigned long long v;
	char *end;

	if (!isdigit((unsigned char)*m->s))
		return false;
	errno = 0;
	v = strtoull(m->s, &end, hex ? 16 : 10);
	if (errno)
		return false;
	m->s = end;
	*ret = v;
	return true;
}

static bool take_unsigned(struct match *m, u64 max, u32 *ret)
{
	u64 v;

	if (!take_u64(m, &v) || v > max)
		return false;
	*ret = (u32)v;
	return true;
}

/* A number with an optional sign, from min to max. */
static bool take_signed(struct match *m, s64 min, s64 max, s64 *ret)
{
	bool minus = *m->s == '-';
	u64 v;

	if (*m->s == '-' || *m->s == '+') {
		m->s++;
		skip_blanks(m);
	}
	if (!take_u64(m, &v) || v > (u64)1 << 33)
		return false;
	*ret = minus ? -(s64)v : (s64)v;
	return *ret >= min && *ret <= max;
}

static bool take_imm(struct match *m)
{
	s64 v;

	if (!take_signed(m, INT32_MIN, UINT32_MAX, &v))
		return false;
	m->insn[0].imm = (s32)(u32)v;
	return true;
}

/* 0x… is a number of 64 bits; what is written in decimal is one where "ll" follows. */
static bool take_imm64(struct match *m)
{
	bool minus = *m->s == '-', hex;
	u64 v;

	m->s += minus;
	hex = m->s[0] == '0' && (m->s[1] | 0x20) == 'x';
	if (!take_u64(m, &v))
		return false;
	skip_blanks(m);
	if (!take_string(m, "ll") && (!hex || minus))
		return false;
	v = minus ? -v : v;
	m->insn[0].imm = (s32)(u32)v;
	m->insn[1].imm = (s32)(u32)(v >> 32);
	return true;
}

/* --- fields --------------------------------------------------------------------------------- */

static bool take_register(struct match *m, char letter, bool is_dst)
{
	bool *has = is_dst ? &m->has_dst : &m->has_src;
	u32 nr;

	if (*m->s != letter || !isdigit((unsigned char)m->s[1]))
		return false;
	m->s++;
	if (!take_unsigned(m, BPF_REG_10, &nr) || is_word_char(*m->s))
		return false;
	if (*has)
		return nr == (is_dst ? m->insn->dst_reg : m->insn->src_reg);
	*has = true;
	if (is_dst)
		m->insn->dst_reg = nr;
	else
		m->insn->src_reg = nr;
	return true;
}

static bool take_mem_off(struct match *m)
{
	s64 v = 0;

	if (*m->s != ')' && ((*m->s != '+' && *m->s != '-') || !take_signed(m, -32768, 32767, &v)))
		return false;
	m->insn->off = (s16)v;
	return true;
}

static bool take_label(struct match *m, bool in_imm)
{
	struct word w = take_word(m->s);

	if (!w.len || m->s[w.len] == '#' || !find_label(m->as, w))
		return false;
	m->s += w.len;
	m->label = find_label(m->as, w)->name;
	m->label_in_imm = in_imm;
	return true;
}

/* "pc+3", "+3", or a label. */
static bool take_target(struct match *m, bool in_imm)
{
	s64 v;

	if ((m->s[0] == 'p' && m->s[1] == 'c' && (m->s[2] == '+' || m->s[2] == '-')))
		m->s += 2;
	if (*m->s == '+' || *m->s == '-') {
		if (!take_signed(m, in_imm ? INT32_MIN : INT16_MIN, in_imm ? INT32_MAX : INT16_MAX,
				 &v))
			return false;
		if (in_imm)
			m->insn->imm = (s32)v;
		else
			m->insn->off = (s16)v;
		if (in_imm && *m->s == '#')
			m->s += 1 + take_word(m->s + 1).len;
		return true;
	}
	return take_label(m, in_imm);
}

static const struct spec_helper *helper_named(struct word w)
{
	char name[128];

	if (w.len >= sizeof(name))
		return NULL;
	memcpy(name, w.s, w.len);
	name[w.len] = 0;
	return spec_helper_by_name(name);
}

/* "bpf_ktime_get_ns#5", "bpf_ktime_get_ns", "unknown#5000", "5". */
static bool take_helper(struct match *m)
{
	struct word w = take_word(m->s);
	const struct spec_helper *h;

	if (isdigit((unsigned char)*m->s))
		return take_imm(m);
	h = helper_named(w);
	m->s += w.len;
	if (*m->s == '#') {
		m->s++;
		if (!h && !(w.len == 7 && !memcmp(w.s, "unknown", 7)))
			return false;
		return take_imm(m) && (!h || (u32)m->insn->imm == h->id);
	}
	if (!h)
		return false;
	m->insn->imm = (s32)h->id;
	return true;
}

/* "kernel-function#1234", "bpf_rcu_read_lock#1234", either with "+2" behind it. */
static bool take_kfunc(struct match *m)
{
	s64 v = 0;

	if (!take_string(m, "kernel-function"))
		m->s += take_word(m->s).len;
	if (*m->s++ != '#' || !take_imm(m))
		return false;
	if ((*m->s == '+' || *m->s == '-') && !take_signed(m, -32768, 32767, &v))
		return false;
	m->insn->off = (s16)v;
	return true;
}

static bool take_u32(struct match *m, u32 slot)
{
	u32 v;

	if (!take_unsigned(m, UINT32_MAX, &v))
		return false;
	m->insn[slot].imm = (s32)v;
	return true;
}

static bool take_second(struct match *m)
{
	if (*m->s != '+')
		return true;
	m->s++;
	return take_u32(m, 1);
}

static bool take_half(struct match *m, u32 shift)
{
	u32 v;

	if (!take_unsigned(m, UINT16_MAX, &v))
		return false;
	m->insn->imm = (s32)((u32)m->insn->imm | v << shift);
	m->has_imm = true;
	return true;
}

static bool take_func_distance(struct match *m)
{
	s64 v;

	if (take_label(m, true))
		return true;
	if (!take_signed(m, INT32_MIN, INT32_MAX, &v))
		return false;
	m->insn->imm = (s32)v;
	return true;
}

/* clang-format off */
static bool take_field(struct match *m, char field)
{
	switch (field) {
	case 'd': return take_register(m, 'r', true);
	case 'D': return take_register(m, 'w', true);
	case 's': return take_register(m, 'r', false);
	case 'S': return take_register(m, 'w', false);
	case 'm': return take_mem_off(m);
	case 'i': case 'x': return take_imm(m);
	case 'j': return take_target(m, false);
	case 'J': return take_target(m, true);
	case 'q': return take_imm64(m);
	case 'h': return take_helper(m);
	case 'k': return take_kfunc(m);
	case 'n': return take_u32(m, 0);
	case 'N': return take_u32(m, 1);
	case 'O': return take_second(m);
	case 't': return take_func_distance(m);
	case 'u': return take_half(m, 16);
	case 'v': return take_half(m, 0);
	}
	return false;
}
/* clang-format on */

/* --- templates ------------------------------------------------------------------------------ */

/* Blanks may stand between any two words or signs, and must between two words. */
static bool match_text(struct match *m, const char *t)
{
	bool in_word = false;

	for (; *t; t++) {
		if (*t == ' ') {
			if (in_word && is_word_char(t[1]) && *m->s != ' ' && *m->s != '\t')
				return false;
			in_word = false;
			continue;
		}
		if (!in_word || !is_word_char(*t) || *t == '$')
			skip_blanks(m);
		if (*t == '$') {
			if (!take_field(m, *++t))
				return false;
			in_word = false;
			continue;
		}
		if (*m->s++ != *t)
			return false;
		in_word = is_word_char(*t);
	}
	skip_blanks(m);
	return !*m->s;
}

static s32 fixed(s64 field, s32 value)
{
	return isa_rule(field) == ISA_IS ? (s32)field : value;
}

/* Does the line say this row's instruction? m->insn is it then, whole. */
static bool match_row(struct match *m, const struct isa_row *row)
{
	struct bpf_insn *insn = m->insn;

	if (!match_text(m, row->text))
		return false;
	insn->code = row->code;
	insn->src_reg = fixed(row->src, insn->src_reg);
	insn->off = fixed(row->off, insn->off);
	/* a field that is both fixed and printed must agree: isa_fits says so */
	if (isa_rule(row->imm) == ISA_IS && !m->has_imm)
		insn->imm = (s32)row->imm;
	return true;
}

static int add_insn(struct asm_state *as, const struct bpf_insn *insn, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		struct bpf_insn *to;

		if (as->insns.nr >= LIMIT_ASM_INSNS)
			return diag_set(as->diag, -E2BIG, "more than %d instructions",
					LIMIT_ASM_INSNS);
		to = VEC_PUSH(&as->insns);
		if (!to)
			return diag_nomem(as->diag);
		*to = insn[i];
	}
	return 0;
}

static int add_match(struct asm_state *as, const struct match *m)
{
	struct fixup *fix;

	if (m->label.len) {
		fix = VEC_PUSH(&as->fixups);
		if (!fix)
			return diag_nomem(as->diag);
		*fix = (struct fixup){.slot = (u32)as->insns.nr,
				      .line = as->line,
				      .name = m->label,
				      .in_imm = m->label_in_imm};
	}
	return add_insn(as, m->insn, isa_nr_slots(m->insn));
}

/* ".insn code, dst, src, off, imm": any bytes. */
static int asm_raw(struct asm_state *as, const char *s)
{
	static const s64 min[] = {0, 0, 0, INT16_MIN, INT32_MIN};
	static const s64 max[] = {255, 15, 15, INT16_MAX, UINT32_MAX};
	struct match m = {.as = as, .s = s};
	s64 v[5];

	for (int i = 0; i < 5; i++) {
		skip_blanks(&m);
		if (i && *m.s == ',')
			m.s++;
		skip_blanks(&m);
		if (!take_signed(&m, min[i], max[i], &v[i]))
			return diag_set(as->diag, -EINVAL, ".insn wants code, dst, src, off, imm");
	}
	m.insn->code = (u8)v[0];
	m.insn->dst_reg = (u8)v[1] & 15;
	m.insn->src_reg = (u8)v[2] & 15;
	m.insn->off = (s16)v[3];
	m.insn->imm = (s32)(u32)v[4];
	return add_insn(as, m.insn, 1);
}

static int asm_insn(struct asm_state *as, const char *s)
{
	struct bpf_insn bad[2];
	bool has_bad = false;

	if (!strncmp(s, ".insn", 5))
		return asm_raw(as, s + 5);
	for (u32 op = ISA_INVALID + 1; op < ISA_NR_OPS; op++) {
		struct match m = {.as = as, .s = s};

		if (!match_row(&m, &isa_rows[op]))
			continue;
		if (isa_fits(&isa_rows[op], m.insn))
			return add_match(as, &m);
		memcpy(bad, m.insn, sizeof(bad));
		has_bad = true;
	}
	if (has_bad)
		return isa_check(bad, 2, (u32)as->insns.nr, as->diag);
	return diag_set(as->diag, -EINVAL, "\"%.80s\" is no instruction", s);
}

/* --- lines ---------------------------------------------------------------------------------- */

/* Cut comments and blanks off; the text lies in buf. */
static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	if (*s == '#')
		*s = 0;
	for (end = s; *end && *end != ';' && !(end[0] == '/' && end[1] == '/'); end++)
		;
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	*end = 0;
	return s;
}

/* Skip "12:" and "(b7)", as listings have them. */
static const char *skip_listing(const char *s)
{
	const char *at = s;

	while (isdigit((unsigned char)*at))
		at++;
	if (at > s && *at == ':') {
		s = at + 1;
		while (isspace((unsigned char)*s))
			s++;
	}
	if (s[0] == '(' && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2]) &&
	    s[3] == ')') {
		s += 4;
		while (isspace((unsigned char)*s))
			s++;
	}
	return s;
}

/* The label that a line begins with; len 0: none. */
static struct word label_of(const char *s)
{
	struct word w = take_word(s);

	if (!w.len || isdigit((unsigned char)*s) || s[w.len] != ':')
		w.len = 0;
	return w;
}

/* Line by line: fn gets the trimmed text, and where it stands in the whole. */
static int each_line(struct asm_state *as, const char *text,
		     int (*fn)(struct asm_state *as, const char *s, const char *origin))
{
	char buf[MAX_LINE];

	for (as->line = 1; *text; as->line++) {
		size_t len = strcspn(text, "\n");
		const char *s;
		int err;

		if (len >= sizeof(buf))
			return diag_set(as->diag, -EINVAL, "line %u is too long", as->line);
		memcpy(buf, text, len);
		buf[len] = 0;
		s = skip_listing(trim(buf));
		err = fn(as, s, text + (s - buf));
		if (err)
			return diag_at(as->diag, err, "line %u", as->line);
		text += len + (text[len] == '\n');
	}
	return 0;
}

static int collect_label(struct asm_state *as, const char *s, const char *origin)
{
	struct word w = label_of(s);
	struct label *l;

	if (!w.len)
		return 0;
	if (find_label(as, w))
		return diag_set(as->diag, -EEXIST, "there are two labels \"%.*s\"", (int)w.len, s);
	l = VEC_PUSH(&as->labels);
	if (!l)
		return diag_nomem(as->diag);
	l->name = (struct word){origin, w.len};
	return 0;
}

static int asm_line(struct asm_state *as, const char *s, const char *origin)
{
	struct word w = label_of(s);

	if (w.len) {
		find_label(as, w)->slot = (u32)as->insns.nr;
		for (s += w.len + 1; isspace((unsigned char)*s); s++)
			;
	}
	return *s ? asm_insn(as, s) : 0;
}

static int apply_fixup(struct asm_state *as, const struct fixup *fix)
{
	struct bpf_insn *insn = &as->insns.data[fix->slot];
	s64 distance = (s64)find_label(as, fix->name)->slot - fix->slot - 1;

	if (fix->in_imm) {
		insn->imm = (s32)distance;
		return 0;
	}
	insn->off = (s16)distance;
	if (insn->off != distance)
		return diag_at(as->diag,
			       diag_set(as->diag, -ERANGE, "\"%.*s\" is too far away",
					(int)fix->name.len, fix->name.s),
			       "line %u", fix->line);
	return 0;
}

int isa_asm(const char *text, struct bpf_insn **ret_insns, u32 *ret_nr, struct skep_diag *diag)
{
	struct asm_state as = {.diag = diag};
	int err = each_line(&as, text, collect_label);

	err = err ?: each_line(&as, text, asm_line);
	for (size_t i = 0; !err && i < as.fixups.nr; i++)
		err = apply_fixup(&as, &as.fixups.data[i]);
	VEC_DONE(&as.fixups);
	VEC_DONE(&as.labels);
	if (err) {
		VEC_DONE(&as.insns);
		return err;
	}
	*ret_insns = as.insns.data;
	*ret_nr = (u32)as.insns.nr;
	return 0;
}
