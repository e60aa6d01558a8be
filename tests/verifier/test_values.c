/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Abstract values are sound: for registers of 4 bits (halves of 2), for every pair of abstract
 * values of a large family and every pair of numbers in them, the result of each operation is in
 * the abstract result, in all three domains. For 64 bits the same with random values. The code is
 * the same text at all widths.
 */
#include "../tap.h"
#include "verifier/branch_ops.h"
#include "verifier/scalar_ops.h"

#define N          4
#define H          2
#define MAX_VALUES 2000

static struct scalar values[MAX_VALUES];
static u16 members[MAX_VALUES]; /* which of the 16 numbers it has */
static int nr_values;

static bool range_has(const struct range *r, u64 x, int bits)
{
	return x >= r->umin && x <= r->umax && range_s(x, bits) >= r->smin &&
	       range_s(x, bits) <= r->smax;
}

static bool has(const struct scalar *v, u64 x, int n)
{
	return (x & ~v->t.mask) == v->t.value && range_has(&v->r, x, n) &&
	       range_has(&v->w, range_u(x, n / 2), n / 2);
}

static u16 members_of(const struct scalar *v)
{
	u16 set = 0;

	for (int x = 0; x < 16; x++)
		set |= (u16)(has(v, (u64)x, N) << x);
	return set;
}

static int lost, invalid;

static void add_value(struct scalar v)
{
	u16 before = members_of(&v), after;

	if (!before)
		return;
	bounds_sync_n(&v, N);
	after = members_of(&v);
	lost += (before & ~after) != 0;
	invalid += !bounds_are_valid_n(&v, N);
	for (int i = 0; i < nr_values; i++)
		if (!memcmp(&values[i], &v, sizeof(v)))
			return;
	if (nr_values < MAX_VALUES) {
		members[nr_values] = after;
		values[nr_values++] = v;
	}
}

/* All tnums, all unsigned and signed intervals, and all of those of the lower half. */
static void make_values(void)
{
	struct scalar any, v;

	scalar_any_n(&any, N);
	for (u64 mask = 0; mask < 16; mask++)
		for (u64 value = 0; value < 16; value++) {
			v = any;
			v.t = tnum_make(value, mask);
			if (!(value & mask))
				add_value(v);
		}
	for (int lo = 0; lo < 16; lo++)
		for (int hi = lo; hi < 16; hi++) {
			v = any;
			v.r.umin = (u64)lo;
			v.r.umax = (u64)hi;
			add_value(v);
			v = any;
			v.r.smin = lo - 8;
			v.r.smax = hi - 8;
			add_value(v);
		}
	for (int lo = 0; lo < 4; lo++)
		for (int hi = lo; hi < 4; hi++) {
			v = any;
			v.w.umin = (u64)lo;
			v.w.umax = (u64)hi;
			add_value(v);
			v = any;
			v.w.smin = lo - 2;
			v.w.smax = hi - 2;
			add_value(v);
		}
}

static u64 concrete(enum scalar_op op, u64 a, u64 b, int bits, bool *ret_defined)
{
	a = range_u(a, bits);
	b = range_u(b, bits);
	*ret_defined = true;
	switch (op) {
	case SCALAR_ADD:
		return range_u(a + b, bits);
	case SCALAR_SUB:
		return range_u(a - b, bits);
	case SCALAR_MUL:
		return range_u(a * b, bits);
	case SCALAR_AND:
		return a & b;
	case SCALAR_OR:
		return a | b;
	case SCALAR_XOR:
		return a ^ b;
	case SCALAR_LSH:
		return range_u(a << (b & ((u64)bits - 1)), bits);
	case SCALAR_RSH:
		return a >> (b & ((u64)bits - 1));
	case SCALAR_ARSH:
		return range_u((u64)(range_s(a, bits) >> (b & ((u64)bits - 1))), bits);
	default:
		*ret_defined = false;
		return 0;
	}
}

static const struct {
	enum scalar_op op;
	const char *name;
} ops[] = {
	{SCALAR_ADD, "add"},   {SCALAR_SUB, "sub"}, {SCALAR_MUL, "mul"}, {SCALAR_AND, "and"},
	{SCALAR_OR, "or"},     {SCALAR_XOR, "xor"}, {SCALAR_LSH, "lsh"}, {SCALAR_RSH, "rsh"},
	{SCALAR_ARSH, "arsh"}, {SCALAR_DIV, "div"}, {SCALAR_MOD, "mod"}, {SCALAR_NEG, "neg"},
};

/* The numbers that x op y can be, for y in a set. */
static u16 image[MAX_VALUES][16];

static bool make_images(enum scalar_op op, int bits)
{
	bool defined = true;

	for (int j = 0; j < nr_values; j++)
		for (u64 x = 0; x < 16; x++) {
			image[j][x] = 0;
			for (u64 y = 0; y < 16; y++)
				if (members[j] >> y & 1)
					image[j][x] |= (u16)(1
							     << concrete(op, x, y, bits, &defined));
		}
	return defined;
}

static int bad_pair(enum scalar_op op, bool is_w, bool defined, int i, int j)
{
	struct scalar d = values[i];
	u16 set, want = 0;

	scalar_alu_n(op, &d, &values[j], is_w, N);
	set = members_of(&d);
	for (u64 x = 0; x < 16; x++)
		if (members[i] >> x & 1)
			want |= image[j][x];
	return (defined && (want & ~set)) || !bounds_are_valid_n(&d, N);
}

static void test_alu(void)
{
	for (size_t o = 0; o < sizeof(ops) / sizeof(ops[0]); o++)
		for (int is_w = 0; is_w < 2; is_w++) {
			bool defined = make_images(ops[o].op, is_w ? H : N);
			int bad = 0;

			for (int i = 0; i < nr_values; i++)
				for (int j = 0; j < nr_values; j++)
					bad += bad_pair(ops[o].op, is_w, defined, i, j);
			is_int(bad, 0, "%s%d is sound for all pairs", ops[o].name, is_w ? H : N);
		}
}

static void test_ext(void)
{
	int bad[4] = {0};

	for (int i = 0; i < nr_values; i++) {
		struct scalar z = values[i], s = values[i], w = values[i], m = values[i];

		scalar_zero_ext_n(&z, 1, N);
		scalar_sign_ext_n(&s, 1, N);
		scalar_sign_ext_w_n(&w, 1, N);
		scalar_zext_n(&m, N);
		bounds_sync_n(&m, N);
		for (u64 x = 0; x < 16; x++) {
			if (!(members[i] >> x & 1))
				continue;
			bad[0] += !has(&z, x & 1, N);
			bad[1] += !has(&s, range_u((u64)range_s(x, 1), N), N);
			bad[2] += !has(&w, range_u((u64)range_s(x, 1), H), N);
			bad[3] += !has(&m, x & 3, N);
		}
	}
	is_int(bad[0], 0, "zero extension is sound");
	is_int(bad[1], 0, "sign extension is sound");
	is_int(bad[2], 0, "sign extension to the lower half is sound");
	is_int(bad[3], 0, "the move of a half is sound");
}

static bool holds(u8 op, u64 a, u64 b, int bits)
{
	s64 sa = range_s(a, bits), sb = range_s(b, bits);

	a = range_u(a, bits);
	b = range_u(b, bits);
	switch (op >> 4) {
	case 0x1:
		return a == b;
	case 0x2:
		return a > b;
	case 0x3:
		return a >= b;
	case 0x4:
		return a & b;
	case 0x5:
		return a != b;
	case 0x6:
		return sa > sb;
	case 0x7:
		return sa >= sb;
	case 0xa:
		return a < b;
	case 0xb:
		return a <= b;
	case 0xc:
		return sa < sb;
	default:
		return sa <= sb;
	}
}

static const u8 jumps[] = {0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0};

/* Which y make x op y true. */
static u16 partners[16];

/* Both sides of the comparison keep what took them. */
static void one_branch(u8 op, bool is_w, int i, int j, int *bad)
{
	struct scalar ta = values[i], tb = values[j], fa = values[i], fb = values[j];
	int way = decide_n(&ta, &tb, op, is_w, N);
	u16 a[2] = {0}, b[2] = {0};

	refine_true_n(&ta, &tb, op, is_w, N);
	refine_false_n(&fa, &fb, op, is_w, N);
	for (u64 x = 0; x < 16; x++) {
		u16 yes = members[j] & partners[x], no = members[j] & (u16)~partners[x];

		if (!(members[i] >> x & 1))
			continue;
		a[1] |= (u16)((yes != 0) << x);
		a[0] |= (u16)((no != 0) << x);
		b[1] |= yes;
		b[0] |= no;
	}
	bad[0] += way >= 0 && a[!way];
	bad[1] += (a[1] & ~members_of(&ta)) || (b[1] & ~members_of(&tb));
	bad[2] += (a[0] & ~members_of(&fa)) || (b[0] & ~members_of(&fb));
}

static void make_partners(u8 op, int bits)
{
	for (u64 x = 0; x < 16; x++) {
		partners[x] = 0;
		for (u64 y = 0; y < 16; y++)
			partners[x] |= (u16)(holds(op, x, y, bits) << y);
	}
}

static void test_branch(void)
{
	for (size_t o = 0; o < sizeof(jumps); o++)
		for (int is_w = 0; is_w < 2; is_w++) {
			int bad[3] = {0};

			make_partners(jumps[o], is_w ? H : N);
			for (int i = 0; i < nr_values; i++)
				for (int j = 0; j < nr_values; j++)
					one_branch(jumps[o], is_w, i, j, bad);
			is_int(bad[0], 0, "jump %#x, %d bits: decided right", jumps[o],
			       is_w ? H : N);
			is_int(bad[1], 0, "  taken: nothing is lost");
			is_int(bad[2], 0, "  not taken: nothing is lost");
		}
}

/* --- 64 bits, random ------------------------------------------------------------------------- */

static u64 seed = 0x9e3779b97f4a7c15;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Numbers near what matters: powers of two, ends of ranges. */
static u64 rnd_edge(void)
{
	u64 x = 1ull << (rnd() & 63);

	switch (rnd() % 4) {
	case 0:
		return rnd() >> (rnd() & 63);
	case 1:
		return x + rnd() % 5 - 2;
	case 2:
		return -x + rnd() % 5 - 2;
	default:
		return (rnd() & 7) - 3;
	}
}

/* A value that has x, and what it has otherwise is random. */
static struct scalar around(u64 x)
{
	struct scalar v;
	u64 a = rnd_edge(), b = rnd_edge();

	scalar_any(&v);
	if (rnd() & 1)
		v.t = tnum_clean(x, rnd() & rnd());
	if (rnd() & 1)
		range_clamp_u(&v.r, a < x ? a : x, b > x ? b : x);
	if (rnd() & 1)
		range_clamp_s(&v.r, (s64)a < (s64)x ? (s64)a : (s64)x,
			      (s64)b > (s64)x ? (s64)b : (s64)x);
	if (rnd() & 1)
		range_clamp_u(&v.w, (u32)a < (u32)x ? (u32)a : (u32)x,
			      (u32)b > (u32)x ? (u32)b : (u32)x);
	if (rnd() & 1)
		range_clamp_s(&v.w, (s32)a < (s32)x ? (s32)a : (s32)x,
			      (s32)b > (s32)x ? (s32)b : (s32)x);
	if (rnd() & 3)
		scalar_sync(&v);
	return v;
}

static void test_random(void)
{
	int bad = 0, bad_jump = 0, bad_sync = 0;

	for (int i = 0; i < 300000; i++) {
		u64 x = rnd_edge(), y = rnd() & 1 ? rnd_edge() : rnd() & 63;
		struct scalar a = around(x), b = around(y), d = a, e = b;
		enum scalar_op op = ops[rnd() % (sizeof(ops) / sizeof(ops[0]))].op;
		u8 jump = jumps[rnd() % sizeof(jumps)];
		bool is_w = rnd() & 1, defined;
		u64 z = concrete(op, x, y, is_w ? 32 : 64, &defined);
		int way;

		scalar_alu(op, &d, &b, is_w);
		bad += defined && !has(&d, z, 64);
		way = branch_decide(&a, &b, jump, is_w);
		bad_jump += way >= 0 && way != holds(jump, x, y, is_w ? 32 : 64);
		d = a;
		if (holds(jump, x, y, is_w ? 32 : 64))
			refine_true(&d, &e, jump, is_w);
		else
			refine_false(&d, &e, jump, is_w);
		bad_jump += !has(&d, x, 64) || !has(&e, y, 64);
		scalar_sync(&a);
		bad_sync += !has(&a, x, 64);
	}
	is_int(bad, 0, "arithmetic of 64 bits is sound");
	is_int(bad_jump, 0, "comparisons of 64 bits are sound");
	is_int(bad_sync, 0, "bounds of 64 bits keep their number");
}

/* A lie must be found: the test can fail. */
static void test_planted(void)
{
	struct scalar v;

	scalar_const_n(&v, 5, N);
	v.r.umax = 4;
	ok(!has(&v, 5, N), "a number outside its range is seen");
	ok(!bounds_are_valid_n(&v, N), "a contradiction is seen");
}

int main(void)
{
	make_values();
	ok(nr_values > 250 && nr_values < MAX_VALUES, "%d abstract values", nr_values);
	is_int(lost, 0, "bounds of 4 bits lose no number");
	is_int(invalid, 0, "and never contradict each other");
	test_planted();
	test_ext();
	test_alu();
	test_branch();
	test_random();
	return tap_done();
}
