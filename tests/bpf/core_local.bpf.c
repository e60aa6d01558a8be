/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every kind of CO-RE relocation, every way in which layouts differ; see core_target.bpf.c. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>

#ifndef __has_builtin
#define __has_builtin(x) 0
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

enum e32 { E_A = 1, E_B = 2, E_GONE = 3 };
enum e64 { E_HUGE = 0xffffffff00ULL, E_SMALL = 0 };
enum e_flav___two { F_X = 1, F_NONE = 2 };

struct inner {
	int deep;
	unsigned int arr[4];
};

union either {
	struct inner in;
};

typedef struct {
	short s;
} anon_t;

struct moved {
	unsigned long a;
	short b;
	struct inner in[2];
	anon_t td;
	void *p;
	union either u;
	enum e32 e;
	float fl;
	int matrix[2][5];
	int gone;
};

struct bits {
	unsigned int f1 : 4;
	unsigned int f2 : 2;
	int f3 : 5;
	unsigned long long f4 : 17;
	unsigned char f5 : 7;
	signed char plain;
};

struct resized {
	unsigned int u32_to_64;
	unsigned int u32_to_8;
	int s32_to_16;
	void *ptr_was;
};

struct flex {
	struct inner tail[0];
};

struct flavoured___old {
	int renamed_from;
};
struct flavoured___new {
	int renamed_to;
};
struct flavoured___both {
	int common;
};

struct twice {
	int x;
	int y;
};

struct same {
	int x;
	struct inner *p;
	int (*fn)(int, struct inner *);
};

struct differs {
	int x;
};

struct missing {
	int x;
};

typedef int number_t;
typedef int (*callback_t)(int, long);

#pragma clang attribute pop

volatile long sink;

#define USE(x) (sink += (long)(x))

SEC("raw_tp/offsets") int offsets(void **ctx)
{
	struct moved *m = ctx[0];

	USE(m->a);
	USE(m->b);
	USE(m->in[1].deep);
	USE(m->in[0].arr[3]);
	USE(m->td.s);
	USE(m->p);
	USE(m->u.in.arr[2]);
	USE(m->e);
	USE(m->matrix[1][4]);
	USE(&m[2].in[1].arr[1]);
	m->b = 5;
	m->a = (long)ctx;
	return 0;
}

SEC("raw_tp/fields") int fields(void **ctx)
{
	struct moved *m = ctx[0];

	USE(bpf_core_field_exists(m->a));
	USE(bpf_core_field_exists(m->gone));
	USE(bpf_core_field_exists(m->u.in.arr[3]));
	USE(bpf_core_field_size(m->in));
	USE(bpf_core_field_size(m->matrix[0]));
	USE(bpf_core_field_size(m->b));
	USE(bpf_core_field_offset(m->td.s));
	USE(bpf_core_field_offset(m->fl));
	USE(__builtin_preserve_field_info(m->b, BPF_FIELD_SIGNED));
	USE(__builtin_preserve_field_info(m->a, BPF_FIELD_SIGNED));
	USE(__builtin_preserve_field_info(m->e, BPF_FIELD_SIGNED));
	USE(__builtin_preserve_field_info(m->b, BPF_FIELD_LSHIFT_U64));
	USE(__builtin_preserve_field_info(m->b, BPF_FIELD_RSHIFT_U64));
	return 0;
}

SEC("raw_tp/bitfields") int bitfields(void **ctx)
{
	struct bits *b = ctx[0];

	USE(BPF_CORE_READ_BITFIELD(b, f1));
	USE(BPF_CORE_READ_BITFIELD(b, f2));
	USE(BPF_CORE_READ_BITFIELD(b, f3));
	USE(BPF_CORE_READ_BITFIELD(b, f4));
	USE(BPF_CORE_READ_BITFIELD(b, f5));
	USE(BPF_CORE_READ_BITFIELD_PROBED(b, f4));
	USE(BPF_CORE_READ_BITFIELD_PROBED(b, plain));
	return 0;
}

SEC("raw_tp/resizes") int resizes(void **ctx)
{
	struct resized *r = ctx[0];

	USE(r->u32_to_64);
	USE(r->u32_to_8);
	USE(r->s32_to_16); /* sign can't be kept: poisoned */
	return 0;
}

SEC("raw_tp/flexible") int flexible(void **ctx)
{
	struct flex *f = ctx[0];

	USE(&f->tail[9].arr[2]);
	USE(bpf_core_field_offset(f->tail[3].deep));
	return 0;
}

SEC("raw_tp/guarded") int guarded(void **ctx)
{
	struct flavoured___old *old = ctx[0];
	struct flavoured___new *new = ctx[0];
	struct flavoured___both *both = ctx[0];
	struct moved *m = ctx[0];
	struct missing *none = ctx[0];

	if (bpf_core_field_exists(old->renamed_from))
		USE(old->renamed_from);
	else if (bpf_core_field_exists(new->renamed_to))
		USE(new->renamed_to);
	USE(both->common);
	if (bpf_core_field_exists(m->gone))
		m->gone = 1;
	if (bpf_core_type_exists(struct missing))
		USE(none->x);
	return 0;
}

SEC("raw_tp/candidates") int candidates(void **ctx)
{
	struct twice *t = ctx[0];

	USE(t->x); /* two candidates that agree */
	USE(t->y); /* only one of them fits */
	return 0;
}

SEC("raw_tp/types") int types(void *ctx)
{
	USE(bpf_core_type_id_local(struct moved));
	USE(bpf_core_type_id_local(number_t));
	USE(bpf_core_type_id_kernel(struct moved));
	USE(bpf_core_type_id_kernel(struct missing));
	USE(bpf_core_type_id_kernel(callback_t));
	USE(bpf_core_type_exists(struct moved));
	USE(bpf_core_type_exists(number_t));
	USE(bpf_core_type_exists(callback_t));
	USE(bpf_core_type_exists(enum e32));
	USE(bpf_core_type_exists(union either));
	USE(bpf_core_type_exists(struct missing));
	USE(bpf_core_type_exists(struct flavoured___old));
	USE(bpf_core_type_size(struct moved));
	USE(bpf_core_type_size(struct bits));
	USE(bpf_core_type_size(struct missing));
	return 0;
}

#if __clang_major__ >= 15
SEC("raw_tp/matches") int matches(void *ctx)
{
	USE(__builtin_preserve_type_info(*(struct same *)0, 2));
	USE(__builtin_preserve_type_info(*(struct moved *)0, 2));
	USE(__builtin_preserve_type_info(*(struct differs *)0, 2));
	USE(__builtin_preserve_type_info(*(struct missing *)0, 2));
	USE(__builtin_preserve_type_info(*(enum e32 *)0, 2));
	USE(__builtin_preserve_type_info(*(callback_t *)0, 2));
	USE(__builtin_preserve_type_info(*(number_t *)0, 2));
	return 0;
}
#endif

SEC("raw_tp/enums") int enums(void *ctx)
{
	USE(bpf_core_enum_value_exists(enum e32, E_A));
	USE(bpf_core_enum_value_exists(enum e32, E_GONE));
	USE(bpf_core_enum_value(enum e32, E_A));
	USE(bpf_core_enum_value(enum e32, E_B));
	if (bpf_core_enum_value_exists(enum e32, E_GONE))
		USE(bpf_core_enum_value(enum e32, E_GONE));
	USE(bpf_core_enum_value(enum e_flav___two, F_X));
	USE(bpf_core_enum_value_exists(enum e_flav___two, F_NONE));
#if __clang_major__ >= 15
	USE(bpf_core_enum_value(enum e64, E_HUGE));
	USE(bpf_core_enum_value_exists(enum e64, E_SMALL));
#endif
	return 0;
}

char _license[] SEC("license") = "GPL";
