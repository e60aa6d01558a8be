/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The "kernel" that core_local.bpf.c is relocated against: the same names, other layouts. */
#include <linux/bpf.h>

enum e32 { E_A = 7, E_B = 9, E_NEW = -3 };
enum e64 { E_HUGE = 0x123456789abcULL, E_SMALL = 1 };
enum e_flav___one { F_X = 11, F_Y = 12 };

struct inner {
	long pad;
	int deep;
	unsigned int arr[6];
};

union either {
	char bytes[16];
	struct inner in;
};

typedef struct {
	char front[3];
	short s;
} anon_t;

struct moved {
	char first[24];
	unsigned long a;
	struct {
		int hidden;
		union {
			short b;
			char other;
		};
	};
	struct inner in[3];
	anon_t td;
	void *p;
	union either u;
	enum e32 e;
	float fl;
	int matrix[4][5];
};

struct bits {
	int before;
	unsigned int f1 : 3;
	unsigned int f2 : 7;
	int f3 : 12;
	unsigned long long f4 : 33;
	unsigned char f5 : 2;
	signed char plain;
};

struct resized {
	unsigned long u32_to_64;
	unsigned char u32_to_8;
	short s32_to_16;
	int ptr_was;
};

struct flex {
	int pad[4];
	struct inner tail[];
};

struct flavoured {
	int pad;
	int renamed_to;
	int common;
};

struct twice___1 {
	int pad;
	int x;
};
struct twice___2 {
	int same_pad;
	int x;
	int y;
};

struct same {
	int x;
	struct inner *p;
	int (*fn)(int, struct inner *);
};

struct differs {
	long x;
};

typedef int number_t;
typedef int (*callback_t)(int, long);
struct fwd_only;

struct use {
	enum e32 a;
	enum e64 b;
	enum e_flav___one c;
	struct moved d;
	struct bits e;
	struct resized f;
	struct flex *g;
	struct flavoured h;
	struct twice___1 i;
	struct twice___2 j;
	struct same k;
	struct differs l;
	number_t m;
	callback_t n;
	struct fwd_only *o;
};

struct use use_all = {};
